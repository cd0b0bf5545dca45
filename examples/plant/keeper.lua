--- keeper.lua -- keeps the database small: old rows go, and so does the room that they
--- took. It tells of each job that it has done.

local channel = require 'std.channel'
local cron = require 'std.cron'
local faults = require 'faults'
local sqlite = require 'sqlite'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local FRAMES_KEPT, WASHERS_KEPT = 60, 3600 -- seconds

local function tell(self, what, rows)
  local chores = assert(channel.open 'chores')
  chores:send {
    what = what, rows = rows, frames = self.frames(), washers = self.washers(),
    bad = self.bad(), bytes = self.pages() * 4096,
  }
end

local function sweep(self, folder)
  if faults.due(folder, 'keeper-error') then error 'told to fail' end
  if faults.due(folder, 'keeper-stall') then
    while true do
    end
  end
  local now = time.now()
  self.drop_frames(now - FRAMES_KEPT)
  local rows = self.changes()
  self.drop_washers(now - WASHERS_KEPT)
  tell(self, 'sweep', rows)
end

local function vacuum(self)
  self.db:exec 'VACUUM'
  self.db:exec 'PRAGMA wal_checkpoint(TRUNCATE)'
  tell(self, 'vacuum', 0)
end

local function prepare(self)
  local db = self.db
  self.frames = db:prepare 'SELECT count(*) FROM frames'
  self.washers = db:prepare 'SELECT count(*) FROM washers'
  self.bad = db:prepare 'SELECT count(*) FROM washers WHERE defect IS NOT NULL'
  self.pages = db:prepare 'PRAGMA page_count'
  self.changes = db:prepare 'SELECT changes()'
  self.drop_frames = db:prepare 'DELETE FROM frames WHERE at < ?'
  self.drop_washers = db:prepare 'DELETE FROM washers WHERE at < ?'
end

return worker.define {
  lifecycle = {
    { 'opening', timeout = 5, on = { opened = 'keeping', error = 'broken' } },
    { 'keeping', on = { stop = 'closed', error = 'broken' } },
    { 'closed', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  opening = function(self, ctx)
    self.db = sqlite.open(ctx.args.database)
    prepare(self)
    return 'opened'
  end,

  keeping = function(self, ctx)
    local folder = ctx.args.faults
    cron.run {
      { name = 'sweep', every = 0.5, run = function() sweep(self, folder) end },
      { name = 'vacuum', at = '*/20 * * * * *', run = function() vacuum(self) end },
    }
    return 'stop'
  end,

  before_exit = function(self)
    if self.db then self.db:close() end
  end,
}
