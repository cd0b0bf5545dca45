--- recorder.lua -- stores what the inspector found. What was received is acknowledged
--- once it is in the database, and what comes twice is stored once: nothing is lost
--- and nothing doubled, whenever this worker dies.

local channel = require 'std.channel'
local driver = require 'driver'
local faults = require 'faults'
local fs = require 'std.fs'
local log = require 'std.log'
local sqlite = require 'sqlite'
local worker = require 'runsmith.worker'

local BATCH = 32

local function prepare(self)
  local db = self.db
  self.put_frame = db:prepare 'INSERT OR IGNORE INTO frames VALUES (?, ?, ?)'
  self.put_washer =
    db:prepare 'INSERT OR IGNORE INTO washers VALUES (?, ?, ?, ?, ?, ?, ?)'
  self.put_suspect = db:prepare 'INSERT OR IGNORE INTO suspects VALUES (?, ?)'
end

local function store(self, items)
  self.db:exec 'BEGIN IMMEDIATE'
  for _, item in ipairs(items) do
    local result = item.value
    self.put_frame(result.number, result.at, #result.parts)
    for _, part in ipairs(result.passed) do
      self.put_washer(result.number, part.x, result.at, part.width, part.height,
        part.area, part.defect)
    end
  end
  if self.told_to_fail then error 'told to fail' end
  self.db:exec 'COMMIT'
end

local function set_aside(self)
  local item = self.suspects:receive(0)
  if not item then return end
  local number = item.value.number
  self.put_suspect(number, item.value.at)
  self.suspects:ack(item)
  log.warn('a frame is set aside: it kills who looks at it', { frame = number })
end

return worker.define {
  lifecycle = {
    { 'opening', timeout = 5, on = { opened = 'recording', error = 'broken' } },
    { 'recording', heartbeat = 3,
      on = { stop = { 'closing', timeout = 2 }, error = 'broken' } },
    { 'closing', timeout = 5, on = { closed = 'closed', error = 'broken' } },
    { 'closed', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  opening = function(self, ctx)
    assert(fs.mkdir(ctx.args.dir))
    self.db = sqlite.open(ctx.args.database)
    prepare(self)
    self.lib = driver.load(ctx.args.driver)
    self.results = assert(channel.open 'results')
    self.suspects = assert(channel.open 'suspects')
    return 'opened'
  end,

  recording = function(self, ctx)
    if ctx.stopping then return 'stop' end
    local item = self.results:receive(1)
    if not item then return 'keepalive' end
    if faults.due(ctx.args.faults, 'recorder-hang') then self.lib.plant_hang() end
    self.told_to_fail = faults.due(ctx.args.faults, 'recorder-error')
    local items = {}
    while item do
      items[#items + 1] = item
      item = #items < BATCH and self.results:receive(0)
    end
    store(self, items)
    for _, each in ipairs(items) do
      self.results:ack(each)
    end
    set_aside(self)
    return 'keepalive'
  end,

  closing = function(self)
    self.db:exec 'PRAGMA optimize'
    return 'closed'
  end,

  before_exit = function(self)
    if self.db then self.db:close() end
  end,
}
