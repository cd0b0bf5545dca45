--- panel.lua -- what the page is told: units and their rates, out of the host's status.

local faults = require 'faults'
local ffi = require 'ffi'
local json = require 'std.json'
local time = require 'std.time'

local M = {}

local WINDOW = 5 -- looks over which a rate is taken
local NEWS = 100 -- entries of the journal

--- What each unit does, and where that is counted: a channel's field, or the unit's own
--- words.
local COUNTED = {
  camera = { 'pictures', 'frames', 'sent' },
  inspector = { 'pictures inspected', 'verdicts', 'sent' },
  recorder = { 'results stored', 'results', 'acked' },
  keeper = { 'jobs done', 'chores', 'sent' },
  onvif = { 'probes answered' },
  web = { 'pictures shown', 'pictures', 'acked' },
}

M.FAULTS = {}
for _, fault in ipairs(faults.LIST) do
  M.FAULTS[#M.FAULTS + 1] = {
    name = fault[1], unit = fault[1]:match '^%a+', label = fault[2], note = fault[3],
  }
end

--- @class plant.Panel
--- @field chore? table the keeper's latest
--- @field news table[]
--- @field private looks table<string, { at: number, count: number }[]>
local Panel = {}
Panel.__index = Panel

--- @return plant.Panel
function M.new() return setmetatable({ looks = {}, news = json.array {} }, Panel) end

--- The journal's latest, for pages that are opened later.
--- @param entry table
function Panel:keep(entry)
  self.news[#self.news + 1] = entry
  if #self.news > NEWS then table.remove(self.news, 1) end
end

--- @return integer # the seq of the last of these
function Panel:last()
  local last = self.news[#self.news]
  return last and last.seq or 0
end

local function count_of(unit, channels)
  local by = COUNTED[unit.name]
  if not by then return nil end
  if by[2] then return channels[by[2]] and channels[by[2]][by[3]] end
  return tonumber(tostring(unit.status):match '^(%d+) ')
end

-- Per second, over the last looks. A count that has fallen belongs to a new program.
local function rate_of(self, path, count, now)
  local looks = self.looks[path] or {}
  self.looks[path] = looks
  if not count then return nil end
  if looks[1] and count < looks[#looks].count then
    for i = #looks, 1, -1 do
      looks[i] = nil
    end
  end
  looks[#looks + 1] = { at = now, count = count }
  if #looks > WINDOW then table.remove(looks, 1) end
  local first = looks[1]
  if now <= first.at then return 0 end
  return (count - first.count) / (now - first.at)
end

local function card(self, unit, channels, now)
  local by = COUNTED[unit.name] or {}
  local count = count_of(unit, channels)
  return {
    path = unit.path, name = unit.name, kind = unit.kind, backend = unit.backend,
    state = unit.state, health = unit.health, incarnation = unit.incarnation,
    restarts = unit.restarts, pid = unit.pid, uptime = unit.uptime,
    heartbeat_age = unit.heartbeat_age, status = unit.status, probes = unit.probes,
    what = by[1], count = count, rate = rate_of(self, unit.path, count, now),
  }
end

--- @param root table the host's status
--- @param switched table<string, string> faults
function Panel:view(root, switched)
  local now, units, channels = time.mono(), {}, {}
  for _, each in ipairs(root.channels or {}) do
    channels[each.name] = each
  end
  local function visit(unit)
    if unit.children then
      for _, child in ipairs(unit.children) do
        visit(child)
      end
    else
      units[#units + 1] = card(self, unit, channels, now)
    end
  end
  visit(root)
  return {
    name = root.name, uptime = root.uptime, restarts = root.restarts,
    units = json.array(units), channels = json.array(root.channels or {}),
    faults = switched, chore = self.chore,
  }
end

local QUIET = { output = true, dropped = true }

--- Whether an entry of the journal is worth showing: not each look of a probe.
function M.is_news(entry)
  if entry.kind == 'probe' then return entry.verdict ~= 'alive' end
  return not QUIET[entry.kind]
end

local pairs_of = ffi.new 'uint16_t[4096]' -- 12 bits → two characters
do
  local digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for i = 0, 4095 do
    local high, low = math.floor(i / 64) + 1, i % 64 + 1
    pairs_of[i] = digits:byte(high) + digits:byte(low) * 256
  end
end

--- @param bytes string a multiple of three
--- @return string
function M.base64(bytes)
  local from, groups = ffi.cast('const uint8_t *', bytes), #bytes / 3
  local out = ffi.new('uint16_t[?]', groups * 2)
  for i = 0, groups - 1 do
    local a, b, c = from[3 * i], from[3 * i + 1], from[3 * i + 2]
    local bits = a * 65536 + b * 256 + c
    out[2 * i] = pairs_of[math.floor(bits / 4096)]
    out[2 * i + 1] = pairs_of[bits % 4096]
  end
  return ffi.string(out, groups * 4)
end

return M
