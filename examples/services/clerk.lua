-- clerk.lua -- takes orders from a list in Redis, tells MQTT of each, and writes a page
-- for nginx; only then is the order taken off the list: killed in between, it serves
-- that one again. An order for a `jam` jams it: it goes on giving signs of life, but
-- serves nobody any more.

local fs = require 'std.fs'
local log = require 'std.log'
local mqtt = require 'mqtt'
local redis = require 'redis'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local function serve_one(self, ctx)
  local order = not self.jammed and self.queue:call('LINDEX', 'orders', 0)
  if not order then return false end
  local count = self.queue:call('INCR', 'served')
  self.news:publish('served', order:sub(1, 60))
  fs.write(ctx.args.dir .. '/www/index.html', ('%d served\n'):format(count))
  self.queue:call('LPOP', 'orders')
  self.jammed = order == 'jam'
  log.info('served', { order = order, count = count })
  return true
end

return worker.define {
  lifecycle = {
    { 'connecting', timeout = 5, on = { connected = 'serving', error = 'failed' } },
    { 'serving', heartbeat = 3, on = { stop = 'leaving', error = 'failed' } },
    { 'leaving', timeout = 2, on = { left = 'done', error = 'failed' } },
    { 'done', ends = 'ok' },
    { 'failed', ends = 'error' },
  },
  connecting = function(self, ctx)
    self.queue, self.news = redis.open(ctx.args.redis), mqtt.open(ctx.args.mqtt)
    return 'connected'
  end,
  serving = function(self, ctx)
    if ctx.stopping then return 'stop' end
    if not serve_one(self, ctx) then time.sleep(0.1) end
    return 'keepalive'
  end,
  leaving = function(self)
    self.queue:close()
    self.news:close()
    return 'left'
  end,
}
