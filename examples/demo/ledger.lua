-- ledger.lua - the demonstration's main job: a long computation that knows
-- nothing of checkpoints.
--
--   lua ledger.lua OUTPUT [STEPS]
--
-- Each step opens new accounts, which stay in memory (a few hundred MiB in the
-- end), moves money between accounts of one district, another each time, and
-- appends a line to OUTPUT, which stays open. Whatever interrupts it, every line depends on all steps before:
-- output and status are the same each time, or something was lost.

local path, steps = arg[1], tonumber(arg[2] or 400)
if not path then
  io.stderr:write("usage: lua ledger.lua OUTPUT [STEPS]\n")
  os.exit(2)
end

local NEW, DISTRICT, TRANSFERS = 4000, 20000, 200000
local seed = 20251
local function random(n) -- same everywhere, unlike math.random
  seed = (seed * 6364136223846793005 + 1442695040888963407)
  return (seed >> 33) % n + 1
end

local accounts, digest = {}, 0
local output = assert(io.open(path, "a"))

for step = 1, steps do
  for i = 1, NEW do
    local number = #accounts + 1
    accounts[number] = {
      balance = random(1000000),
      owner = string.format("owner-%08d-of-step-%d", number, step),
    }
  end
  local size = math.min(DISTRICT, #accounts)
  local first = random(#accounts - size + 1) - 1
  for i = 1, TRANSFERS do
    local from, to = accounts[first + random(size)], accounts[first + random(size)]
    local amount = from.balance // 7
    from.balance = from.balance - amount
    to.balance = to.balance + amount
    digest = (digest * 31 + amount) & 0xffffffffffff
  end
  output:write(string.format("step %d: %d accounts, digest %012x\n", step, #accounts, digest))
  output:flush()
end

local total = 0
for _, account in ipairs(accounts) do
  total = total + account.balance
end
print(string.format("%d accounts hold %d, digest %012x", #accounts, total, digest))
-- A status worth comparing.
os.exit(digest % 100 + 1)
