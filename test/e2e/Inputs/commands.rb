# commands.rb OUTPUT - runs others by system, spawn, backquotes and pipes; ends
# with status 7.
job = 's=0; i=0; while [ $i -lt 30000 ]; do s=$(((s * 31 + i + $0) % 1000003)); i=$((i + 1)); done; '
lines = []
(ENV['HWCKPT_STRESS'] == '1' ? 60 : 8).times do |i|
  pipe = IO.popen(['sh', '-c', job + 'echo $s', i.to_s])
  child = spawn('sh', '-c', job + 'exit $((s % 256))', (i + 100).to_s)
  system("sh -c '#{job} exit $((s % 256))' #{i + 200}")
  status = $?.exitstatus
  said = `echo "#{i}" | sort; exit 3`
  code = $?.exitstatus
  Process.wait(child)
  lines << "#{i} #{status} #{$?.exitstatus} #{code} #{said.strip} #{pipe.read}"
  pipe.close
end
File.write(ARGV[0], lines.join)
exit 7
