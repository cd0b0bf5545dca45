-- Two kinds of probe. Whatever a check needs travels with it: data, modules, functions.

local rs = require 'runsmith'
local fs = require 'std.fs'
local time = require 'std.time'

local function count(folder)
  local list = fs.list(folder)
  return list and #list or 0
end

local function backlog(spec)
  local waiting = count(spec.folder)
  return waiting <= spec.max, ('%d sacks wait'):format(waiting)
end

rs.probe.define('backlog', {
  fields = { folder = 'string', max = 'number' },
  check = backlog,
})

-- Combines the kind above with the age of the last work, and with what the host knows.
rs.probe.define('stuck', {
  fields = { folder = 'string', max = 'number', idle = 'number' },
  check = function(spec, unit)
    local ok, why = backlog(spec)
    if ok or unit.uptime < spec.idle then return true end
    local stat = fs.stat 'ground'
    local age = stat and time.now() - stat.modified or unit.uptime
    return age < spec.idle, ('%s, the last was ground %.1f s ago'):format(why, age)
  end,
})
