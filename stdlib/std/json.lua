--- JSON: Debian's cjson, with limits and with facts instead of errors.
---
--- ```lua
--- local json = require 'std.json'
---
--- local list = json.array {}
--- local text = assert(json.encode { name = 'x', list = list, gone = json.null })
--- local value = assert(json.decode(text))
--- assert(value.name == 'x' and value.gone == json.null)
---
--- local nothing, err = json.decode '{'
--- assert(not nothing and err.code == 'json')
--- ```

local cjson = require 'cjson'
local codec = require 'runsmith.json'
local err = require 'std.err'

local M = {}

local BYTES_MAX = 64 * 2 ^ 20

--- What JSON's null is decoded to, and encoded from: a value, unlike nil.
M.null = cjson.null

local function reason(why)
  return (tostring(why):gsub('^[^:]*:%d+: ', ''))
end

--- Marks a table as a list: an empty one is then written as [].
--- @generic T: table
--- @param list T
--- @return T list the same table
function M.array(list) return setmetatable(list, codec.Array) end

--- An empty table is written as {}, unless it is a `json.array`. Whole numbers up to
--- 2^53 are exact, others have 14 digits.
--- @param value any plain data
--- @return string? text, std.Err? err
function M.encode(value)
  local ok, text = pcall(codec.encode, value)
  if ok then return text end
  return nil, err.new('json', reason(text))
end

--- @param text string at most 64 MiB, nested at most 128 deep
--- @return any value, std.Err? err nil and an error; null is `json.null`
function M.decode(text)
  if type(text) ~= 'string' then
    error('json.decode takes a string, not a ' .. type(text), 2)
  end
  if #text > BYTES_MAX then
    return nil, err.new('json', ('%d bytes are more than %d'):format(#text, BYTES_MAX))
  end
  local ok, value = pcall(codec.decode, text)
  if ok then return value end
  return nil, err.new('json', reason(value))
end

return M
