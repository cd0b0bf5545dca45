--- A fact about the world, as std returns it after nil: print it, or compare its code.

local M = {}

--- @class std.Err
--- @field code string stable: 'ENOENT'
--- @field message string
local Err = {}
Err.__index = Err

function Err:__tostring() return self.code .. ': ' .. self.message end

function Err.__concat(a, b) return tostring(a) .. tostring(b) end

--- @param code string
--- @param message string
--- @return std.Err
function M.new(code, message)
  return setmetatable({ code = code, message = message }, Err)
end

--- @param text string as luv puts it, 'ENOENT: no such file or directory: x'
--- @return std.Err
function M.of_luv(text)
  local code, message = tostring(text):match '^(E%u[%u%d_]*): (.*)$'
  return M.new(code or 'EUNKNOWN', message or tostring(text))
end

return M
