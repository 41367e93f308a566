-- Strings: building, matching, the collector.
local words = {}
for i = 1, 9000 do
  words[#words + 1] = string.format("w%d-%s", i % 1013, ("ab"):rep(i % 5))
end
local text = table.concat(words, " ")
local count, length = {}, 0
for word, tail in text:gmatch("(w%d+)%-(%a*)") do
  count[word] = (count[word] or 0) + 1
  length = length + #tail
end
local other = text:gsub("ab", "xyz"):upper():reverse()
local parts = {}
for i = 1, #other, 97 do parts[#parts + 1] = other:sub(i, i + 11) .. i end
print(count.w7, length, #table.concat(parts), #other)
