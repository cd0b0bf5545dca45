-- poller.lua -- polls the inbox; parses `Field: value` text, continuation lines too,
-- and sends it on.
--
-- A file that is taken is given a number, its name in `claimed`; sent, it is removed.
-- Of one that was claimed by an incarnation that died nobody knows whether it was sent:
-- it is sent again, before any other, under the same number.

local channel = require 'std.channel'
local files = require 'files'
local fs = require 'std.fs'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local REST = 0.2 -- seconds between two looks into an empty folder
local PATIENCE = 1 -- seconds to wait for room before a sign of life

local function parse(text)
  local fields, last = {}, nil
  for line in text:gmatch '[^\n]+' do
    local name, value = line:match '^([%w-]+):%s*(.*)$'
    if name then
      last = name:lower():gsub('-', '_')
      fields[last] = value
    elseif last and line:find '^%s' then
      fields[last] = fields[last] .. '\n' .. line:gsub('^%s+', '')
    else
      error(('not a field: %q'):format(line), 0)
    end
  end
  return fields
end

-- What was dropped whole; who drops a file slowly calls it .part or hides it meanwhile.
local function look(self)
  self.names = {}
  for _, name in ipairs(assert(fs.list(self.inbox))) do
    if not name:find '^%.' and not name:find '%.part$' then
      table.insert(self.names, 1, name)
    end
  end
end

-- The next file to be sent: one that was claimed before, or a new one; nil: none.
local function claim(self)
  if self.claims[1] then return table.remove(self.claims, 1) end
  if not self.names[1] then look(self) end
  local name = table.remove(self.names)
  if not name then return nil end
  self.number = self.number + 1
  files.write(self.count, tostring(self.number)) -- a number is never given again
  local claimed = ('%09d~%s'):format(self.number, name)
  if fs.rename(self.inbox .. name, self.claimed .. claimed) then return claimed end
  return nil -- whoever dropped it has taken it back
end

local function reject(self, name, why)
  log.warn('rejected', { name = name, why = tostring(why) })
  assert(fs.rename(self.claimed .. self.at, self.rejected .. name))
  self.at = nil
end

return worker.define {
  lifecycle = {
    { 'recovering', timeout = 30, on = { recovered = 'polling', error = 'crashed' } },
    { 'polling', heartbeat = 5, on = { stop = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  recovering = function(self, ctx)
    for _, place in ipairs { 'inbox', 'claimed', 'rejected', 'state' } do
      assert(fs.mkdir(ctx.args.dir .. '/' .. place))
      self[place] = ctx.args.dir .. '/' .. place .. '/'
    end
    self.count = self.state .. 'poller'
    self.number, self.names = files.number(self.count), {}
    self.claims = assert(fs.list(self.claimed))
    self.parsed = assert(channel.open 'parsed')
    return 'recovered'
  end,
  polling = function(self, ctx)
    if ctx.stopping then return 'stop' end
    self.at = self.at or claim(self)
    if not self.at then
      time.sleep(REST)
      return 'keepalive'
    end
    local number, name = self.at:match '^(%d+)~(.*)$'
    local good, fields = pcall(parse, assert(fs.read(self.claimed .. self.at)))
    if not good then
      reject(self, name, fields)
      return 'keepalive'
    end
    local item = { number = tonumber(number), name = name, fields = fields }
    local sent, why = self.parsed:send(item, PATIENCE)
    if sent then
      assert(fs.remove(self.claimed .. self.at))
      self.at = nil
    elseif why ~= 'timeout' and why ~= 'stopping' then
      error('parsed: ' .. why)
    end
    return 'keepalive'
  end,
}
