--- Entries for the journal: a text for people, fields for programs.
---
--- ```lua
--- local log = require 'std.log'
---
--- log.info('frame stored', { number = 17, took = 0.003 })
--- local of_camera = log.with { camera = 'north' }
--- of_camera.warn('no frame', { since = 2.5 })
--- ```

local cjson = require 'cjson'
local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID = T.ID

local M = {}

local DEPTH_MAX = 8
local TEXT_SHARE = 4 -- a text may take a fourth of a record, so that escapes fit too

local function plain(value, depth)
  local kind = type(value)
  if kind == 'number' then
    local finite = value == value and math.abs(value) ~= math.huge
    return finite and value or tostring(value)
  end
  if kind == 'string' or kind == 'boolean' then return value end
  if kind ~= 'table' or depth == DEPTH_MAX or getmetatable(value) then
    return tostring(value)
  end
  local copy = {}
  local is_list = #value > 0
  for key in pairs(value) do
    if is_list and type(key) ~= 'number' then is_list = false end
  end
  for key, item in pairs(value) do
    copy[is_list and key or tostring(key)] = plain(item, depth + 1)
  end
  return copy
end

local NO_NUL = '\239\191\189' -- U+FFFD

local function encode(text, fields)
  local entry = { text = text:sub(1, math.floor(host.text_max / TEXT_SHARE)) }
  entry.text = entry.text:gsub('%z', NO_NUL) -- C reads it, and would end there
  if fields then entry.fields = plain(fields, 0) end
  local ok, json = pcall(cjson.encode, entry)
  if ok and #json <= host.text_max then return json end
  entry.fields = { dropped = ok and 'too long' or tostring(json) }
  json = cjson.encode(entry)
  if #json <= host.text_max then return json end
  return cjson.encode { text = 'a text of which too much had to be escaped' }
end

local NAMES = { 'debug', 'info', 'warn', 'error' }

local function joined(common, fields)
  local all = {}
  for key, value in pairs(common) do
    all[key] = value
  end
  for key, value in pairs(fields or {}) do
    all[key] = value
  end
  return all
end

local function level(name, number, common)
  return function(text, fields)
    if type(text) ~= 'string' then
      error(('log.%s takes a text, not a %s'):format(name, type(text)), 2)
    end
    if fields ~= nil and type(fields) ~= 'table' then
      local why = 'log.%s takes its fields as a table, not a %s'
      error(why:format(name, type(fields)), 2)
    end
    if common then fields = joined(common, fields) end
    local task = schedule.current()
    host.put(host.up.LOG, task and task[ID], number, 0, encode(text, fields))
  end
end

--- @type fun(text: string, fields?: table)
M.debug = level('debug', 0)
--- @type fun(text: string, fields?: table)
M.info = level('info', 1)
--- @type fun(text: string, fields?: table)
M.warn = level('warn', 2)
--- @type fun(text: string, fields?: table)
M.error = level('error', 3)

--- The same four functions; what they write has these fields as well.
--- @param fields table
--- @return { debug: function, info: function, warn: function, error: function }
function M.with(fields)
  if type(fields) ~= 'table' then
    error('log.with takes a table of fields, not a ' .. type(fields), 2)
  end
  local common, logger = joined(fields), {}
  for i, name in ipairs(NAMES) do
    logger[name] = level(name, i - 1, common)
  end
  return logger
end

return M
