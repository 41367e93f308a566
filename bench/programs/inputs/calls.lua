-- Calls, arithmetic and branches: what the dispatch loop of Lua does most.
local function fibonacci(n)
  if n < 2 then return n end
  return fibonacci(n - 1) + fibonacci(n - 2)
end

local function collatz(limit)
  local longest = 0
  for start = 1, limit do
    local n, steps = start, 0
    while n ~= 1 do
      if n % 2 == 0 then n = n // 2 else n = 3 * n + 1 end
      steps = steps + 1
    end
    if steps > longest then longest = steps end
  end
  return longest
end

print(fibonacci(24), collatz(6000))
