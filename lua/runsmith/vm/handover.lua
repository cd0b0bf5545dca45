--- What a worker leaves to its next incarnation when a reload restarts it: `ctx.data`,
--- encoded once it has ended in order, decoded for `migrate`.

local buffer = require 'string.buffer'

local host = require 'runsmith.host'

local T = require 'runsmith.vm.task'
local ID, CTX = T.ID, T.CTX

local M = {}

local MAX = 16 * 2 ^ 20 -- bytes, encoded
local DEPTH_MAX = 64

local LEAF = { boolean = 1, number = 1 } -- and more bytes, but no fewer
local wanted = setmetatable({}, { __mode = 'k' })
local kept = setmetatable({}, { __mode = 'k' })

-- How many bytes a value takes at least; or nil, and why it is not plain data.
local function weigh(value, depth, sum)
  local kind = type(value)
  if LEAF[kind] then return sum + LEAF[kind] end
  if kind == 'string' then return sum + 1 + #value end
  if kind ~= 'table' then return nil, 'there is a ' .. kind .. ' in it' end
  if getmetatable(value) ~= nil then return nil, 'a table in it has a metatable' end
  if depth > DEPTH_MAX then
    local text = 'it is nested deeper than %d tables, or contains itself'
    return nil, text:format(DEPTH_MAX)
  end
  local why
  for key, item in next, value do
    if type(key) == 'table' then return nil, 'there is a table for a key' end
    sum, why = weigh(key, depth + 1, sum)
    if sum and sum <= MAX then sum, why = weigh(item, depth + 1, sum) end
    if not sum or sum > MAX then return sum, why end
  end
  return sum
end

--- The bytes of a value that may be left.
--- @param value any
--- @return string? bytes
--- @return string? why
function M.encode(value)
  local sum, why = weigh(value, 0, 0)
  if not sum then return nil, why .. '; only plain data is handed over' end
  local ok, bytes = pcall(buffer.encode, value)
  if sum <= MAX and not ok then return nil, tostring(bytes) end
  if sum > MAX or #bytes > MAX then return nil, 'it takes more than 16 MiB' end
  return bytes
end

--- Its end was asked for by a reload.
--- @param task runsmith.Task
function M.want(task) wanted[task] = true end

local function tell(task, why)
  local text = 'ctx.data is not handed over: ' .. why
  local entry = require('cjson').encode { text = text:sub(1, host.text_max / 4) }
  host.put(host.up.LOG, task[ID], 2, 0, entry)
end

--- It has ended in order, and its exit is to be told: leaves what is wanted.
--- @param task runsmith.Task
--- @return integer left 1 or 0: the exit record's `b`
function M.leave(task)
  local _, left = host.stopping(task[ID]) -- it may end before the engine's word came
  if not wanted[task] and not left then return 0 end
  wanted[task] = nil
  local data = rawget(task[CTX], 'data')
  if data == nil then return 0 end
  local bytes, why = M.encode(data)
  local ok = bytes ~= nil
  if ok then
    ok, why = pcall(host.hand, task[ID], bytes)
  end
  if ok then return 1 end
  tell(task, tostring(why))
  return 0
end

--- What it was given, until its definition is there to take it.
--- @param task runsmith.Task
--- @param bytes string
function M.keep(task, bytes) kept[task] = bytes end

--- @param task runsmith.Task
--- @return string? bytes
function M.take(task)
  local bytes = kept[task]
  kept[task] = nil
  return bytes
end

--- @param bytes string
function M.decode(bytes) return buffer.decode(bytes) end

return M
