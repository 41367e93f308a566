-- bodies.lua TIMES - bodies that attract each other, a table of strings, and a sum of
-- both: the same on every run.
local bodies = {}
for i = 1, 12 do
  bodies[i] = {x = i, y = i * i % 7, z = i % 3, vx = 0, vy = 0, vz = 0, m = 1 / i}
end
local function step(dt)
  for i = 1, #bodies do
    local a = bodies[i]
    for k = i + 1, #bodies do
      local b = bodies[k]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local d = dx * dx + dy * dy + dz * dz + 0.1
      local f = dt / (d * math.sqrt(d))
      a.vx, a.vy, a.vz = a.vx - dx * b.m * f, a.vy - dy * b.m * f, a.vz - dz * b.m * f
      b.vx, b.vy, b.vz = b.vx + dx * a.m * f, b.vy + dy * a.m * f, b.vz + dz * a.m * f
    end
  end
  for _, b in ipairs(bodies) do
    b.x, b.y, b.z = b.x + dt * b.vx, b.y + dt * b.vy, b.z + dt * b.vz
  end
end
local words, sum = {}, 0
for n = 1, 1500000 * tonumber(arg[1]) do
  step(0.001)
  if n % 1000 == 0 then
    words[n] = string.format("%.12g", bodies[n % 12 + 1].x)
    sum = (sum * 31 + #words[n] + words[n]:byte(-1)) % 1000003
  end
end
print(sum)
for i, b in ipairs(bodies) do
  print(i, string.format("%.17g %.17g %.17g", b.x, b.y, b.z))
end
