--- JSON: Debian's cjson, with limits and with facts instead of errors.

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

--- An empty table is written as {}. Numbers have 14 digits.
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
