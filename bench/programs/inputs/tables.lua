-- Tables as arrays and as records, closures, method calls.
local Counter = {}
Counter.__index = Counter
function Counter.new() return setmetatable({ count = 0, seen = {} }, Counter) end
function Counter:add(key)
  self.count = self.count + 1
  self.seen[key] = (self.seen[key] or 0) + 1
end

local function sieve(limit)
  local composite, found = {}, {}
  for i = 2, limit do
    if not composite[i] then
      found[#found + 1] = i
      for k = i * i, limit, i do composite[k] = true end
    end
  end
  return found
end

local counter = Counter.new()
for _, prime in ipairs(sieve(120000)) do counter:add(prime % 97) end
local points = {}
for i = 1, 12000 do points[i] = { x = (i * 7919) % 10007, y = i } end
table.sort(points, function(a, b) return a.x < b.x or (a.x == b.x and a.y < b.y) end)
local sum = 0
for i, point in ipairs(points) do sum = (sum + i * point.y) % 1000003 end
print(counter.count, counter.seen[1], sum)
