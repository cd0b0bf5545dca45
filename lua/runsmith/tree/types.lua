--- The kinds of value that a tree script's fields take. A type checks a value and tells
--- what would be right; the tables in tree.fields are made of these, and so are the
--- editor's types and the reference.
local suggest = require 'runsmith.tree.suggest'

local M = {}

--- @class runsmith.Type
--- @field says string what is right, for messages and the reference
--- @field lua string the type in LuaLS words
--- @field check fun(value, name: string, wrong: fun(message: string))

--- A value as a message shows it.
--- @param value any
--- @return string
function M.show(value)
  if type(value) == 'string' then
    if #value > 40 then value = value:sub(1, 37) .. '...' end
    return "'" .. value:gsub('%c', '?') .. "'"
  end
  if type(value) == 'number' or type(value) == 'boolean' or value == nil then
    return tostring(value)
  end
  local meta = type(value) == 'table' and getmetatable(value)
  return 'a ' .. (type(meta) == 'table' and meta.node or type(value))
end

local show = M.show

local function article(says) return says:match '^integer' and 'an ' .. says or says end

local function make(says, lua, good)
  return {
    says = says,
    lua = lua,
    check = function(value, name, wrong)
      if good(value) then return end
      wrong(('%s is %s; it must be %s'):format(name, show(value), article(says)))
    end,
  }
end

local function in_range(value, min, max)
  return type(value) == 'number' and value >= min and value <= max
end

--- Seconds; `words` are strings that are right as well.
--- @param range { above?: number, min?: number, max?: number, words?: string[] }
function M.seconds(range)
  local min, above, max = range.min or 0, range.above, range.max or math.huge
  local says = above and ('seconds above %g'):format(above)
    or ('seconds, at least %g'):format(min)
  local words, lua = {}, 'number'
  for _, word in ipairs(range.words or {}) do
    words[word] = true
    says = says .. (", or '%s'"):format(word)
    lua = lua .. ("|'%s'"):format(word)
  end
  local base = make(says, lua, function(value)
    if words[value] then return true end
    return in_range(value, above or min, max) and value ~= above
  end)
  if not range.words then return base end
  return {
    says = says,
    lua = lua,
    check = function(value, name, wrong)
      local near = not words[value] and suggest.nearest(value, range.words)
      if near then
        return wrong(("%s is %s: did you mean '%s'?"):format(name, show(value), near))
      end
      base.check(value, name, wrong)
    end,
  }
end

--- @param min number
--- @param max number
function M.integer(min, max)
  local says = max == math.huge and ('integer, at least %d'):format(min)
    or ('integer from %d to %d'):format(min, max)
  return make(
    says,
    'integer',
    function(value)
      return in_range(value, min, max) and value % 1 == 0 and value < 2 ^ 53
    end
  )
end

--- A whole number from 0 on; math.huge: no limit.
--- @param max integer
function M.count(max)
  return make(
    ('integer from 0 to %d, or math.huge'):format(max),
    'number',
    function(value)
      return value == math.huge or in_range(value, 0, max) and value % 1 == 0
    end
  )
end

--- @param min number
--- @param max number
function M.number(min, max)
  local says = max == math.huge and ('number, at least %g'):format(min)
    or ('number from %g to %g'):format(min, max)
  local function good(value) return in_range(value, min, max) end
  return make('a ' .. says, 'number', good)
end

--- @param words string[]
--- @param says? string what is right, where that is more than these words
function M.words(words, says)
  local known = {}
  for _, word in ipairs(words) do
    known[word] = true
  end
  local lua = "'" .. table.concat(words, "'|'") .. "'"
  says = says or "one of '" .. table.concat(words, "', '") .. "'"
  return {
    says = says,
    lua = lua,
    check = function(value, name, wrong)
      if known[value] then return end
      local hint = suggest.hint(value, words, 'it must be ' .. says)
      wrong(('%s is %s: %s'):format(name, show(value), hint))
    end,
  }
end

--- @param ... string
function M.enum(...) return M.words { ... } end

local UNITS = { [''] = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40 }

--- Bytes from '64M' and the like, or from a number.
--- @param value any
--- @return number? bytes
function M.bytes(value)
  local bytes = value
  if type(value) == 'string' then
    local digits, unit = value:match '^(%d+%.?%d*)([KMGT]?)i?B?$'
    if not digits then return nil end
    bytes = tonumber(digits) * UNITS[unit]
  end
  if not in_range(bytes, 1, 2 ^ 53) then return nil end
  return math.floor(bytes)
end

M.size = make(
  "a size such as '64M' (K, M, G, T) or bytes",
  'string|integer',
  function(value) return M.bytes(value) ~= nil end
)

M.boolean = make(
  'true or false',
  'boolean',
  function(v) return type(v) == 'boolean' end
)
M.string = make(
  'a string that is not empty',
  'string',
  function(v) return type(v) == 'string' and v ~= '' and not v:find('%z') end
)
M.text = make(
  'a string without NUL',
  'string',
  function(v) return type(v) == 'string' and not v:find('%z') end
)
M.func = make('a function', 'function', function(v) return type(v) == 'function' end)
M.any = make('anything', 'any', function() return true end)
M.table = make('a table', 'table', function(v) return type(v) == 'table' end)

--- A list of values of one type, in a table without holes or other keys.
--- @param item runsmith.Type
--- @param says string
--- @param min? integer
function M.list(item, says, min)
  return {
    says = says,
    lua = item.lua .. '[]',
    check = function(value, name, wrong)
      if show(value) ~= 'a table' then
        return wrong(('%s is %s; it must be %s'):format(name, show(value), says))
      end
      local count = 0
      for key in pairs(value) do
        count = count + 1
        if type(key) ~= 'number' then
          return wrong(
            ('%s has the key %s; it must be %s'):format(name, show(key), says)
          )
        end
      end
      if count ~= #value then
        wrong(('%s has holes; it must be %s'):format(name, says))
      end
      if count < (min or 0) then
        wrong(('%s is empty; it must be %s'):format(name, says))
      end
      for i = 1, #value do
        item.check(value[i], ('%s[%d]'):format(name, i), wrong)
      end
    end,
  }
end

local WORDS = M.list(M.text, 'a list of strings: program and arguments', 1)

--- A program and its arguments, which may be empty.
M.argv = {
  says = WORDS.says,
  lua = WORDS.lua,
  check = function(value, name, wrong)
    if type(value) == 'table' and value[1] == '' then
      return wrong(name .. "[1] is ''; it must name a program")
    end
    return WORDS.check(value, name, wrong)
  end,
}

--- A table whose keys are declared: { name, type, default, doc } rows; `required` names
--- those that must be there. A field of a positional name, [1], is written `name = 1`.
--- @param fields table[]
--- @param required? any[]
--- @param given? string the shape, where that is not plain from the names
function M.record(fields, required, given)
  local by_name, words, says = {}, {}, {}
  for _, field in ipairs(fields) do
    by_name[field[1]] = field[2]
    if type(field[1]) == 'string' then words[#words + 1] = field[1] end
    says[#says + 1] = type(field[1]) == 'string' and field[1]
      or ('[%d]'):format(field[1])
  end
  local shape = given or 'a table { ' .. table.concat(says, ', ') .. ' }'
  return {
    says = shape,
    lua = 'table',
    fields = fields,
    check = function(value, name, wrong)
      if type(value) ~= 'table' then
        return wrong(('%s is %s; it must be %s'):format(name, show(value), shape))
      end
      for key, item in pairs(value) do
        local kind = by_name[key]
        local label = type(key) == 'string' and ('%s.%s'):format(name, key)
          or ('%s[%s]'):format(name, tostring(key))
        if kind then
          kind.check(item, label, wrong)
        elseif type(key) == 'string' then
          wrong(
            ("%s has no field '%s': %s"):format(name, key, suggest.hint(key, words))
          )
        else
          wrong(('%s is %s; %s must be %s'):format(label, show(item), name, shape))
        end
      end
      for _, key in ipairs(required or {}) do
        if value[key] == nil then
          local label = type(key) == 'string' and key or ('[%d]'):format(key)
          wrong(('%s lacks %s; it must be %s'):format(name, label, shape))
        end
      end
    end,
  }
end

--- The first type whose Lua type is that of the value decides.
--- @param says string
--- @param choices { [1]: string, [2]: runsmith.Type }[] Lua type and what it must be
function M.either(says, choices)
  local lua = {}
  for i, choice in ipairs(choices) do
    lua[i] = choice[2].lua
  end
  return {
    says = says,
    lua = table.concat(lua, '|'),
    check = function(value, name, wrong)
      for _, choice in ipairs(choices) do
        if type(value) == choice[1] then return choice[2].check(value, name, wrong) end
      end
      wrong(('%s is %s; it must be %s'):format(name, show(value), says))
    end,
  }
end

--- A value that the constructor `what` made.
--- @param what string e.g. 'rs.probe'
--- @param is fun(value): boolean
function M.made(what, is) return make('a value made by ' .. what, 'table', is) end

local SIGNALS = {
  HUP = 1,
  INT = 2,
  QUIT = 3,
  ABRT = 6,
  KILL = 9,
  USR1 = 10,
  USR2 = 12,
  ALRM = 14,
  TERM = 15,
  CONT = 18,
  WINCH = 28,
  PWR = 30,
}

--- @param value any
--- @return integer? number
function M.signal_number(value)
  if type(value) == 'string' then return SIGNALS[(value:gsub('^SIG', ''))] end
  if in_range(value, 1, 64) and value % 1 == 0 then return value end
end

M.signal = {
  says = "a signal such as 'TERM'",
  lua = 'string|integer',
  check = function(value, name, wrong)
    if M.signal_number(value) then return end
    local hint =
      suggest.hint(value, SIGNALS, "it must be a signal such as 'TERM' or 15")
    wrong(('%s is %s: %s'):format(name, show(value), hint))
  end,
}

return M
