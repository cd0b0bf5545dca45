-- stage.lua -- what the three workers share: take a file from one folder, make another
-- of it, hand that on to the next folder; lose none and do none twice.
--
-- A file goes through the stage's own folder in four steps, each one rename or unlink:
--   1  from/F   → own/F.in     claimed: no one else will take it
--   2  own/F.in → own/F.out    worked on; .out appears whole
--   3  own/F.in is removed
--   4  own/F.out → to/F        handed on
-- Whenever kill -9 comes, the next incarnation sees how far each file has come: where
-- .out is, it goes on with step 3; where only .in is, with step 2. There are never two
-- incarnations at once; the host sees to that. A file that is not understood is put
-- aside into `rejected`: it would only fail again.

local folders = require 'folders'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local M = {}

local BATCH = 20 -- files between two keepalives
local NEWS = 100 -- files between two lines in the log
local REST = 0.2 -- seconds between two looks into an empty folder

local function finish(self, name)
  local entered, made = self.own .. name .. '.in', self.own .. name .. '.out'
  if folders.exists(entered) then folders.remove(entered) end
  if self.before_handing_on then self.before_handing_on(self.to .. name) end
  folders.move(made, self.to .. name)
end

local function work_on(self, name)
  local entered = self.own .. name .. '.in'
  local understood, made = pcall(self.work, folders.read(entered), name)
  if understood then
    folders.write(self.own .. name .. '.out', made)
    finish(self, name)
  else
    log.warn('rejected', { name = name, why = tostring(made) })
    folders.move(entered, self.rejected .. name)
  end
end

local function prepare(self, dir, spec)
  local places = {
    from = spec.from, own = spec.own, to = spec.to, rejected = 'rejected',
  }
  for place, folder in pairs(places) do
    folders.make(dir .. '/' .. folder)
    self[place] = dir .. '/' .. folder .. '/'
  end
  self.work, self.before_handing_on = spec.work, spec.before_handing_on
  self.total, self.untold = 0, 0
end

local function recover(self, ctx)
  for _, entry in ipairs(folders.list(self.own, '%.out$')) do
    finish(self, (entry:gsub('%.out$', '')))
    ctx:heartbeat()
  end
  for _, entry in ipairs(folders.list(self.own, '%.in$')) do
    work_on(self, (entry:gsub('%.in$', '')))
    ctx:heartbeat()
  end
end

-- One batch. Returns how many files it took, so that the caller knows whether to rest.
local function take(self, ctx)
  local count = 0
  for _, name in ipairs(folders.list(self.from, '^[^.]')) do
    if count == BATCH or ctx.stopping then break end
    if not name:find '%.part$' then
      folders.move(self.from .. name, self.own .. name .. '.in')
      work_on(self, name)
      count = count + 1
      if ctx.args.pace > 0 then time.sleep(ctx.args.pace) end
      ctx:heartbeat()
    end
  end
  return count
end

--- Defines a stage's worker.
--- @param spec { from: string, own: string, to: string, said: string,
---   work: fun(text: string, name: string): string,
---   before_handing_on?: fun(path: string) }
--- @return runsmith.Definition
function M.define(spec)
  return worker.define {
    lifecycle = {
      { 'recovering', timeout = 30,
        on = { recovered = 'watching', error = 'crashed' } },
      { 'watching', heartbeat = 5, on = { stop = 'stopped', error = 'crashed' } },
      { 'stopped', ends = 'ok' },
      { 'crashed', ends = 'error' },
    },
    recovering = function(self, ctx)
      prepare(self, ctx.args.dir, spec)
      recover(self, ctx)
      return 'recovered'
    end,
    watching = function(self, ctx)
      if ctx.stopping then return 'stop' end
      local count = take(self, ctx)
      self.total, self.untold = self.total + count, self.untold + count
      if self.untold >= NEWS or (count == 0 and self.untold > 0) then
        log.info(spec.said, { files = self.untold, total = self.total })
        self.untold = 0
      end
      if count == 0 then time.sleep(REST) end
      return 'keepalive'
    end,
  }
end

return M
