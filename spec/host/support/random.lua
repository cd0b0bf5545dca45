-- random.lua -- chances that a seed repeats, whatever else draws some.

local M = {}

--- @class runsmith.spec.Random
local Random = {}
Random.__index = Random

--- @param seed integer
--- @return runsmith.spec.Random
function M.new(seed)
  local random = setmetatable({ state = seed % 2 ^ 31 }, Random)
  for _ = 1, 8 do -- small seeds begin alike
    random:below(2)
  end
  return random
end

--- @return integer 0 .. n - 1
function Random:below(n)
  self.state = (self.state * 1103515 + 12345) % 2 ^ 31
  return math.floor(self.state / 256) % n
end

--- True in so many of a hundred cases.
function Random:chance(percent) return self:below(100) < percent end

function Random:pick(list) return list[self:below(#list) + 1] end

--- A number that the environment may change: what a whole run takes is more than what
--- each build can wait for.
--- @param name string
--- @param usual integer
--- @return integer
function M.size(name, usual) return tonumber(os.getenv(name) or usual) end

return M
