-- writer.lua -- writes each record as a result: once, though it may come twice.
--
-- Numbers come in order, and `state/writer` holds the last that is done: what comes
-- with a lower one was done before. A result is first written into `finished`; once its
-- number is the last it counts, and one rename hands it on. Killed before that, the
-- record comes again; killed after, the next incarnation finds it and renames it.

local channel = require 'std.channel'
local files = require 'files'
local fs = require 'std.fs'
local json = require 'std.json'
local log = require 'std.log'
local worker = require 'runsmith.worker'

local NEWS = 100 -- files between two lines in the log
local PATIENCE = 1 -- seconds to wait for a record before a sign of life

local function hand_on(self, finished, name)
  local path = self.results .. name
  if fs.stat(path) then log.warn('replaces a result', { path = path }) end
  assert(fs.rename(self.finished .. finished, path))
end

local function write(self, value)
  local record = value.record
  record.source = value.name
  local finished = ('%09d~%s'):format(value.number, value.name)
  files.write(self.finished .. finished, assert(json.encode(record)) .. '\n')
  files.write(self.count, tostring(value.number))
  self.last = value.number
  hand_on(self, finished, value.name)
  self.total, self.untold = self.total + 1, self.untold + 1
end

local function tell(self)
  if self.untold == 0 then return end
  log.info('written', { files = self.untold, total = self.total })
  self.untold = 0
end

return worker.define {
  lifecycle = {
    { 'recovering', timeout = 30, on = { recovered = 'writing', error = 'crashed' } },
    { 'writing', heartbeat = 5, on = { stop = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  recovering = function(self, ctx)
    for _, place in ipairs { 'finished', 'results', 'state' } do
      assert(fs.mkdir(ctx.args.dir .. '/' .. place))
      self[place] = ctx.args.dir .. '/' .. place .. '/'
    end
    self.count = self.state .. 'writer'
    self.last, self.total, self.untold = files.number(self.count), 0, 0
    for _, finished in ipairs(assert(fs.list(self.finished))) do
      local number, name = finished:match '^(%d+)~(.*)$'
      if number and tonumber(number) <= self.last then
        hand_on(self, finished, name)
      else
        assert(fs.remove(self.finished .. finished))
      end
    end
    self.records = assert(channel.open 'records')
    return 'recovered'
  end,
  writing = function(self, ctx)
    if ctx.stopping then return 'stop' end
    local item, why = self.records:receive(self.untold > 0 and 0.1 or PATIENCE)
    if item then
      if item.value.number > self.last then write(self, item.value) end
      assert(self.records:ack(item))
    elseif why ~= 'timeout' and why ~= 'stopping' then
      error('records: ' .. why)
    end
    if not item or self.untold >= NEWS then tell(self) end
    return 'keepalive'
  end,
}
