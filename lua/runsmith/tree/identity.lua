--- Hashes that are the same in every process: a table's entries are summed, so that the
--- order in which `pairs` gives them does not matter.
local abi = require 'runsmith.abi'
local buffer = require 'string.buffer'
local ffi = require 'ffi'

local M = {}

local scratch = buffer.new()
local word = ffi.new 'uint64_t[1]'
local hash, type, next, pairs = abi.hash, type, next, pairs

--- Hash of plain data.
--- @param value any
--- @param seed integer
--- @return integer hash uint64_t
function M.value(value, seed)
  if type(value) ~= 'table' then
    scratch:reset():encode(value)
    local bytes, size = scratch:ref()
    return hash(bytes, size, seed)
  end
  local sum = 0ULL
  for key, item in pairs(value) do
    if type(item) == 'table' then
      sum = sum + M.value(item, M.value(key, seed))
    else
      scratch:reset():encode(key):encode(item)
      local bytes, size = scratch:ref()
      sum = sum + hash(bytes, size, seed)
    end
  end
  word[0] = sum
  return hash(word, 8, seed)
end

--- Whether the encoding of a table is itself the same in every process.
--- @param value any
--- @return boolean
function M.one_form(value)
  if type(value) ~= 'table' then return true end
  local key, item = next(value)
  return type(item) ~= 'table' and (key == nil or next(value, key) == nil)
end

--- A 64-bit number for a message or a key.
--- @param number integer
--- @return string
function M.text(number) return (tostring(number):gsub('ULL$', '')) end

return M
