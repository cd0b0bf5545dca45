--- JSON as std and clients write it: Debian's cjson, and what that cannot say, lists
--- that are empty and whole numbers of more than 14 digits.
local cjson = require 'cjson'

local M = {}

local DEPTH_MAX = 128

local codec = cjson.new()
codec.encode_max_depth(DEPTH_MAX)
codec.decode_max_depth(DEPTH_MAX)
codec.decode_invalid_numbers(false)
codec.encode_sparse_array(false, 2, 10)
codec.encode_keep_buffer(false)
codec.encode_number_precision(14)

--- The metatable of those that are lists though empty.
M.Array = {}

local Array = M.Array

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

--- Raises what is no plain data.
--- @param value any
--- @return string
function M.encode(value)
  if not is_beyond(value, 1) then return codec.encode(value) end
  codec.encode(value) -- its mistakes are cjson's to tell
  local out = {}
  put(out, value)
  return table.concat(out)
end

--- Raises what is no JSON.
--- @param text string
--- @return any
function M.decode(text) return codec.decode(text) end

return M
