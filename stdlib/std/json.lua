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
local err = require 'std.err'

local M = {}

local DEPTH_MAX = 128
local BYTES_MAX = 64 * 2 ^ 20

local codec = cjson.new()
codec.encode_max_depth(DEPTH_MAX)
codec.decode_max_depth(DEPTH_MAX)
codec.decode_invalid_numbers(false)
codec.encode_sparse_array(false, 2, 10)
codec.encode_keep_buffer(false)
codec.encode_number_precision(14)

--- What JSON's null is decoded to, and encoded from: a value, unlike nil.
M.null = cjson.null

local function reason(why)
  return (tostring(why):gsub('^[^:]*:%d+: ', ''))
end

local Array = {} -- the metatable of those that are lists though empty

--- Marks a table as a list: an empty one is then written as [].
--- @generic T: table
--- @param list T
--- @return T list the same table
function M.array(list) return setmetatable(list, Array) end

-- cjson knows neither marked lists nor more than 14 digits of a number.
local function is_beyond(value, depth)
  if type(value) == 'number' then
    return value % 1 == 0 and math.abs(value) >= 1e14 and math.abs(value) <= 2 ^ 53
  end
  if type(value) ~= 'table' or depth > DEPTH_MAX then return false end
  if getmetatable(value) == Array then return true end
  for _, item in next, value do
    if is_beyond(item, depth + 1) then return true end
  end
  return false
end

local put

local function put_list(out, list)
  out[#out + 1] = '['
  for i = 1, #list do
    if i > 1 then out[#out + 1] = ',' end
    put(out, list[i])
  end
  out[#out + 1] = ']'
end

local function put_object(out, value)
  out[#out + 1] = '{'
  local first = true
  for key, item in next, value do
    if type(key) ~= 'string' and type(key) ~= 'number' then
      error('a key is a ' .. type(key), 0)
    end
    if not first then out[#out + 1] = ',' end
    first = false
    out[#out + 1] = codec.encode(tostring(key)) .. ':'
    put(out, item)
  end
  out[#out + 1] = '}'
end

function put(out, value)
  if type(value) == 'number' and is_beyond(value, 1) then
    out[#out + 1] = ('%d'):format(value)
  elseif type(value) ~= 'table' or not is_beyond(value, 1) then
    out[#out + 1] = codec.encode(value)
  elseif #value > 0 or getmetatable(value) == Array then
    put_list(out, value)
  else
    put_object(out, value)
  end
end

local function encode(value)
  if not is_beyond(value, 1) then return codec.encode(value) end
  codec.encode(value) -- its mistakes are cjson's to tell
  local out = {}
  put(out, value)
  return table.concat(out)
end

--- An empty table is written as {}, unless it is a `json.array`. Whole numbers up to
--- 2^53 are exact, others have 14 digits.
--- @param value any plain data
--- @return string? text, std.Err? err
function M.encode(value)
  local ok, text = pcall(encode, value)
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
