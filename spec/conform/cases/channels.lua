-- Channels between workers of one backend, and of several.

local channel = require 'std.channel'
local deeds = require 'deeds'
local log = require 'std.log'
local time = require 'std.time'

local NEVER = { intensity = { max = 0, within = 60 } }
local AGAIN = { isolate = true, intensity = { max = 9, within = 60 } }

local function send(count)
  return function()
    local items = assert(channel.open 'items')
    for i = 1, count do
      assert(items:send(i))
    end
    log.info 'sent'
  end
end

-- Takes so many, acknowledges them, tells their sum and whether they were in order.
local function take(count)
  return function()
    local items, sum, last, ordered = assert(channel.open 'items'), 0, 0, true
    for _ = 1, count do
      local item = assert(items:receive(10))
      ordered, last = ordered and item.value > last, item.value
      sum = sum + item.value
      assert(items:ack(item))
    end
    local more, why = items:receive(0.05)
    log.info('took', { sum = sum, ordered = ordered, more = more and 'one' or why })
  end
end

local function trace(...)
  return '0 started\n0 running\n0 ready\n' .. table.concat({ ... }, '\n')
    .. '\n0 exited ok\n0 completed'
end

-- Takes one, dies of this in its first incarnations, and acknowledges it in a later.
local function dies(deed, times)
  return function(ctx)
    local items = assert(channel.open 'items')
    local first = assert(items:receive(10))
    if ctx.incarnation < times then
      log.info('took', { value = first.value, attempt = first.attempt })
      time.sleep(0.02)
      deed()
    end
    log.info('took', { value = first.value, attempt = first.attempt })
    assert(items:ack(first))
    local second = assert(items:receive(10))
    log.info('then', { value = second.value, attempt = second.attempt })
    assert(items:ack(second))
  end
end

local DIED = [[
  0 started
  0 running
  0 ready
  0 log info took attempt=1 value=1
  0 exited %s
  1 restart failed charged
  1 started
  1 running
  1 ready
  1 log info took attempt=2 value=1
  1 log info then attempt=1 value=2
  1 exited ok
  1 completed
]]

return {
  {
    'all of them, in order', channels = { items = { capacity = 16 } },
    units = { { 'sender', run = send(1000) }, { 'taker', run = take(1000) } },
    trace = {
      sender = trace '0 log info sent',
      taker = trace '0 log info took more=timeout ordered=true sum=500500',
    },
  },
  {
    'a sender that waits for room', channels = { items = { capacity = 1 } },
    units = {
      { 'sender', run = send(20) },
      { 'taker', run = function() time.sleep(0.1) return take(20)() end },
    },
    trace = {
      sender = trace '0 log info sent',
      taker = trace '0 log info took more=timeout ordered=true sum=210',
    },
  },
  {
    'full, with an error', channels = { items = { capacity = 2, overflow = 'error' } },
    run = function()
      local items = assert(channel.open 'items')
      local list = {}
      for i = 1, 3 do
        local sent, why = items:send(i)
        list[i] = tostring(sent or why)
      end
      log.info(table.concat(list, ' '))
    end,
    trace = trace '0 log info true true full',
  },
  {
    'full, and the oldest gives way',
    channels = { items = { capacity = 2, overflow = 'drop_oldest' } },
    run = function()
      local items = assert(channel.open 'items')
      for i = 1, 5 do
        assert(items:send(i))
      end
      local a, b = items:receive(1), items:receive(1)
      local _, why = items:receive(0)
      log.info(('%d %d %s'):format(a.value, b.value, why))
    end,
    trace = trace('0 log warn channel items: the oldest gave way dropped=1',
      '0 log info 4 5 timeout'),
  },
  {
    'taken and not acknowledged by one that raised', group = AGAIN,
    channels = { items = { capacity = 16 } },
    units = {
      { 'sender', run = send(2) },
      { 'taker', run = dies(function() error('oh', 0) end, 1) },
    },
    trace = {
      sender = trace '0 log info sent', taker = DIED:format 'exception oh',
    },
  },
  {
    'taken and not acknowledged by one that was stuck', group = AGAIN,
    channels = { items = { capacity = 16 } },
    units = {
      { 'sender', run = send(2) },
      { 'taker', run = dies(deeds.usleep, 1), fields = { stall = 0.2 } },
    },
    trace = {
      sender = trace '0 log info sent',
      taker = (DIED:format 'interrupted (where)')
        :gsub('  0 exited', '  0 violation stall in running\n  0 exited'),
    },
  },
  {
    'taken and not acknowledged by one that faulted', group = AGAIN,
    channels = { items = { capacity = 16 } },
    units = {
      { 'sender', run = send(2) },
      { 'taker', run = dies(deeds.null, 1) },
    },
    trace = {
      sender = trace '0 log info sent',
      taker = DIED:format 'SEGV its runner was ended by SEGV at address 0x0',
    },
  },
  {
    'an item that its consumers die of', group = AGAIN,
    channels = {
      items = { capacity = 16, attempts = 2, rejects = 'bad' }, bad = { capacity = 4 },
    },
    units = {
      { 'sender', run = send(2) },
      {
        'taker',
        run = function()
          local items = assert(channel.open 'items')
          local item = assert(items:receive(10))
          log.info('took', { value = item.value, attempt = item.attempt })
          if item.value == 1 then error('poison', 0) end
          assert(items:ack(item))
          local bad = assert(channel.open 'bad')
          item = assert(bad:receive(10))
          log.info('bad', { value = item.value, of = item.origin, tried = item.tried })
          assert(bad:ack(item))
        end,
      },
    },
    trace = {
      sender = trace '0 log info sent',
      taker = [[
        0 started
        0 running
        0 ready
        0 log info took attempt=1 value=1
        0 exited exception poison
        1 restart failed charged
        1 started
        1 running
        1 ready
        1 log info took attempt=2 value=1
        1 exited exception poison
        2 restart failed charged
        2 started
        2 running
        2 ready
        2 log warn channel items: items whose consumers keep dying were taken out
        2 log info took attempt=1 value=2
        2 log info bad of=items tried=2 value=1
        2 exited ok
        2 completed
      ]],
    },
  },
  {
    'what is no plain data', group = NEVER, channels = { items = {} },
    run = function() assert(channel.open 'items'):send { f = function() end } end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited exception channel:send takes plain data, not a function
    ]],
  },
  {
    'no such channel',
    run = function() log.info(select(2, channel.open 'nothing')) end,
    trace = trace(
      "0 log info channel 'nothing': no channel of this name is seen from here"),
  },
}
