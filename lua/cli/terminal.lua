--- Colours, where there is a terminal that wants them.
local abi = require 'runsmith.abi'

local M = {}

local CODES = {
  red = '31',
  green = '32',
  yellow = '33',
  blue = '34',
  grey = '90',
  bold = '1',
}

--- A function that paints text for a descriptor: paint('red', text).
--- @param fd integer
--- @return fun(colour: string?, text: string): string
function M.painter(fd)
  local is_plain = (os.getenv 'NO_COLOR' or '') ~= '' or os.getenv 'TERM' == 'dumb'
  if is_plain or not abi.is_terminal(fd) then
    return function(_, text) return text end
  end
  return function(colour, text)
    if not colour then return text end
    return ('\27[%sm%s\27[0m'):format(CODES[colour], text)
  end
end

--- Text without what could move the cursor or paint: others wrote it.
--- @param text string
--- @return string
function M.clean(text)
  return (text:gsub('[%z\1-\8\11-\31\127]', '?'):gsub('\194[\128-\159]', '?'))
end

--- Seconds for people.
--- @param seconds number
--- @return string
function M.seconds(seconds)
  if seconds == math.huge then return 'for ever' end
  return ('%g s'):format(seconds)
end

--- How many of something.
--- @param count integer
--- @param one string
--- @return string
function M.count(count, one)
  return ('%d %s%s'):format(count, one, count == 1 and '' or 's')
end

return M
