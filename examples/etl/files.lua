-- files.lua -- small files that say how far a worker has come.

local fs = require 'std.fs'

local M = {}

-- What a killed process has written is kept; only a power failure needs more.
local UNSYNCED = { sync = false }

--- Writes a file that appears whole, or not at all.
--- @param path string
--- @param text string
function M.write(path, text) assert(fs.write(path, text, UNSYNCED)) end

--- @param path string
--- @return integer 0 where there is no such file
function M.number(path)
  local text, err = fs.read(path)
  if not text and err.code ~= 'ENOENT' then error(err) end
  return tonumber(text or 0)
end

return M
