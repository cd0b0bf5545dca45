--- A function of the tree's own.

local M = {}

--- @param spec { check: fun(unit: table): boolean?, string? }
--- @param unit table
function M.check(spec, unit) return spec.check(unit) end

return M
