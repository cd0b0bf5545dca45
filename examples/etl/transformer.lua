-- transformer.lua -- from fields as they came to a record with numbers and lists.
--
-- Killed between `send` and `ack` it is given the item again, and sends it again: it
-- keeps nothing, and the numbers tell the writer.

local channel = require 'std.channel'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local PATIENCE = 1 -- seconds to wait for an item, or for room, before a sign of life

local function names(relation)
  local list = {}
  for alternative in (relation or ''):gmatch '[^,]+' do
    list[#list + 1] = alternative:match '^%s*([%w.+-]+)'
  end
  return list
end

local function transform(fields)
  return {
    package = fields.package,
    version = fields.version,
    architecture = fields.architecture,
    bytes = (tonumber(fields.installed_size) or 0) * 1024,
    needs = names(fields.depends),
    needs_count = #names(fields.depends),
    summary = (fields.description or ''):match '^[^\n]*',
  }
end

local function is_pause(why) return why == 'timeout' or why == 'stopping' end

return worker.define {
  lifecycle = {
    { 'opening', timeout = 10, on = { opened = 'working', error = 'crashed' } },
    { 'working', heartbeat = 5, on = { stop = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  opening = function(self)
    self.parsed = assert(channel.open 'parsed')
    self.records = assert(channel.open 'records')
    return 'opened'
  end,
  working = function(self, ctx)
    if ctx.stopping then return 'stop' end
    if not self.item then
      local item, why = self.parsed:receive(PATIENCE)
      if not item and not is_pause(why) then error('parsed: ' .. why) end
      self.item = item
      if not item then return 'keepalive' end
      if ctx.args.pace > 0 then time.sleep(ctx.args.pace) end
    end
    local value = self.item.value
    local record = { number = value.number, name = value.name }
    record.record = transform(value.fields)
    local sent, why = self.records:send(record, PATIENCE)
    if sent then
      assert(self.parsed:ack(self.item))
      self.item = nil
    elseif not is_pause(why) then
      error('records: ' .. why)
    end
    return 'keepalive'
  end,
}
