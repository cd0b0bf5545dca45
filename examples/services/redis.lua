-- redis.lua -- as much of Redis's protocol as the example needs.

local line = require 'line'

local M = {}
M.__index = M

--- @param port integer
function M.open(port) return setmetatable({ line = line.open(port) }, M) end

--- @return string|number|nil answer
function M:call(...)
  local words = { ('*%d\r\n'):format(select('#', ...)) }
  for _, word in ipairs { ... } do
    words[#words + 1] = ('$%d\r\n%s\r\n'):format(#tostring(word), word)
  end
  self.line:send(table.concat(words))
  local kind, text = self.line:line():match '^([-+:$])(.*)$'
  if kind == '-' then error(text) end
  if kind == '+' then return text end
  if kind == ':' then return tonumber(text) end
  if text == '-1' then return nil end
  return (self.line:bytes(tonumber(text) + 2):sub(1, -3))
end

function M:close() self.line:close() end

--- One call on a connection of its own.
function M.ask(port, ...)
  local connection = M.open(port)
  local answer = connection:call(...)
  connection:close()
  return answer
end

return M
