-- A heap of Lua as programs have it: records with names and numbers, lists,
-- closures and strings, about as many MiB as the argument says, of which some
-- are replaced all the time. What a checkpoint of it holds is for
-- `bench/run cache`.
local mib = tonumber(arg and arg[1]) or 64
local count = mib * 650
local words = {}
for word in ("iron copper zinc silver tin lead gold nickel cobalt chrome"):gmatch("%a+") do
  words[#words + 1] = word
end

local state = 1
local function random(limit)
  state = (state * 1103515245 + 12345) % 2147483648
  return state // 65536 % limit + 1
end

local function record(i)
  local name = words[random(#words)] .. "-" .. i
  local parts = {}
  for part = 1, random(4) do
    parts[part] = { weight = random(1000) / 8, of = words[random(#words)] }
  end
  return { id = i, name = name, parts = parts, price = function() return i * 2 end }
end

local all = {}
for i = 1, count do
  all[i] = record(i)
end
while true do
  for _ = 1, count // 50 do
    local i = random(65536) * 32768 % count + 1
    all[i] = record(i)
  end
end
