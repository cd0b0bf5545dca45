-- Channels through the real host: workers of each backend, deaths, reloads.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local HEAD = [[
local rs = require 'runsmith'
local function say(text, fields) require('std.log').info(text, fields) end
local function open(name) return assert(require('std.channel').open(name)) end
return rs.supervisor 'plant' {
  intensity = { max = 100, within = 1 },
]]

local function start(body, spec)
  spec = spec or {}
  spec.files = { ['tree.lua'] = HEAD .. body .. '}' }
  return harness.start(spec)
end

local function said(host, text, since)
  return host:wait_for({ kind = 'log', text = text }, since)
end

local PAIR = [[
  rs.channel 'numbers' { capacity = 10 },
  rs.worker 'producer' {
    backend = '%s', stall = 10,
    run = function()
      local out = open 'numbers'
      for i = 1, 600 do
        assert(out:send({ i, i %% 50 == 0 and ('x'):rep(5000) or nil }, 10))
      end
    end,
  },
  rs.worker 'consumer' {
    backend = '%s', stall = 10,
    run = function()
      local from = open 'numbers'
      for i = 1, 600 do
        local item = assert(from:receive(10))
        assert(item.attempt == 1 and item.value[1] == i, 'out of order')
        assert(item.value[2] == (i %% 50 == 0 and ('x'):rep(5000) or nil))
        assert(from:ack(item))
      end
      assert(select(2, from:receive(0)) == 'timeout')
      say 'all came'
    end,
  },
]]

-- Takes one, is ended with it by `how`, and tells what its next incarnation gets.
local DIES = [[
  rs.channel 'jobs' {},
  rs.worker 'maker' {
    run = function()
      local out = open 'jobs'
      for i = 1, 3 do assert(out:send(i)) end
    end,
  },
  rs.worker 'taker' {
    backend = '%s',
    run = function(ctx)
      local from = open 'jobs'
      if ctx.incarnation == 0 then
        assert(from:ack(from:receive()))
        local item = from:receive()
        say('has', { value = item.value, attempt = item.attempt })
        %s
      end
      for _ = 1, 2 do
        local item = from:receive(10)
        say('got', { value = item.value, attempt = item.attempt })
        assert(from:ack(item))
      end
      assert(not from:receive(0.01))
      say 'done'
    end,
  },
]]

local function comes_back(backend, code, kill)
  local host = start(DIES:format(backend, code))
  local has = said(host, 'has')
  if kill then posix.kill(host:pid_of 'plant/taker', 'KILL') end
  said(host, 'done', has)
  local got = host:all { text = 'got' }
  assert.same({ value = 2, attempt = 2 }, got[1].fields)
  assert.same({ value = 3, attempt = 1 }, got[2].fields)
  host:finish { signal = false }
end

describe('a channel', function()
  after_each(harness.sweep)

  for _, from in ipairs { 'coroutine', 'thread', 'process' } do
    for _, to in ipairs { 'coroutine', 'thread', 'process' } do
      it(('from %s to %s keeps the order'):format(from, to), function()
        local host = start(PAIR:format(from, to))
        said(host, 'all came')
        host:finish { signal = false }
        assert.same({}, host:all { kind = 'restart' })
      end)
    end
  end

  it('delivers again what one took that raised', function()
    comes_back('coroutine', "error 'no'")
  end)

  it('delivers again what one took that was killed', function()
    comes_back('process', "require('std.time').sleep(60)", true)
  end)

  it('delivers again what one took whose thread crashed its runner', function()
    comes_back('thread', "require('ffi').cast('int *', 8)[0] = 1")
  end)

  it('serves many producers and consumers', function()
    local parts = { "rs.channel 'mixed' { capacity = 8 }," }
    for i, backend in ipairs { 'coroutine', 'coroutine', 'thread', 'process' } do
      parts[#parts + 1] = ([[
        rs.worker 'p%d' { backend = '%s', run = function()
          local out = open 'mixed'
          for n = 1, 200 do assert(out:send { %d, n }) end
        end },
        rs.worker 'c%d' { backend = '%s', run = function()
          local from, last, count = open 'mixed', { 0, 0, 0, 0 }, 0
          while true do
            local item, why = from:receive(0.5)
            if not item then break end
            local who, n = item.value[1], item.value[2]
            assert(n > last[who], 'out of order')
            last[who], count = n, count + 1
            assert(from:ack(item))
          end
          say('took', { count = count })
        end },
      ]]):format(i, backend, i, i, backend)
    end
    local host = start(table.concat(parts))
    host:finish { signal = false }
    local all = 0
    for _, entry in ipairs(host:all { text = 'took' }) do
      all = all + entry.fields.count
    end
    assert.equal(800, all)
    assert.same({}, host:all { kind = 'restart' })
  end)

  it('is the nearest of its name', function()
    local host = start [[
      rs.channel 'c' {},
      rs.worker 'far' { run = function()
        assert(open 'c':send 'far')
      end },
      rs.supervisor 'inner' {
        rs.channel 'c' {},
        rs.worker 'near' { run = function()
          local c = open 'c'
          assert(not c:receive(0.05))
          local none, why = require('std.channel').open 'd'
          say(why)
        end },
      },
    ]]
    said(host, "channel 'd': no channel of this name is seen from here")
    host:finish { signal = false }
    assert.same({}, host:all { kind = 'restart' })
  end)

  it('keeps its items when its supervisor restarts', function()
    local host = start [[
      rs.supervisor 'inner' {
        rs.channel 'c' {},
        rs.worker 'w' { run = function()
          local c = open 'c'
          local item = c:receive(0)
          if item then
            say('was there', { value = item.value, attempt = item.attempt })
          else
            assert(c:send 'x')
            say 'sent'
          end
          require('std.time').sleep(60)
        end },
      },
    ]]
    local sent = said(host, 'sent')
    local order = { id = 1, op = 'restart', path = 'plant/inner' }
    assert.is_true(control.ask(host, order).ok)
    local there = said(host, 'was there', sent)
    assert.same({ value = 'x', attempt = 1 }, there.fields)
    host:finish()
  end)

  it('drops the oldest, or refuses, or waits', function()
    local host = start [[
      rs.channel 'drops' { capacity = 2, overflow = 'drop_oldest' },
      rs.channel 'refuses' { capacity = 2, overflow = 'error' },
      rs.channel 'waits' { capacity = 2 },
      rs.worker 'w' { run = function()
        local drops, refuses, waits = open 'drops', open 'refuses', open 'waits'
        for i = 1, 5 do assert(drops:send(i)) end
        assert(drops:receive(0).value == 4 and drops:receive(0).value == 5)
        assert(refuses:send(1) and refuses:send(2))
        say('refused', { why = select(2, refuses:send(3)) })
        assert(waits:send(1) and waits:send(2))
        local _, why = waits:send(3, 0.05)
        say('waited', { why = why, at_once = select(2, waits:send(3, 0)) })
        say 'done'
      end },
    ]]
    said(host, 'done')
    assert.same({ why = 'full' }, said(host, 'refused').fields)
    assert.same({ why = 'timeout', at_once = 'timeout' }, said(host, 'waited').fields)
    assert.equal(1, said(host, 'channel drops: the oldest gave way').fields.dropped)
    host:finish { signal = false }
  end)

  it('names what is no plain data at the line of the call', function()
    local host = start [[
      rs.channel 'c' {},
      rs.worker 'w' { run = function()
        local c = open 'c'
        local cycle = {}
        cycle[1] = cycle
        for _, value in ipairs { print, { print }, setmetatable({}, {}), cycle } do
          say(select(2, pcall(function() c:send(value) end)))
        end
        say(select(2, c:send(('x'):rep(2 ^ 20 + 1))))
        assert(c:send(('x'):rep(2 ^ 20)))
        say(tostring(#c:receive(0).value))
        say(select(2, c:ack { seq = 7, slot = 3, attempt = 1 }))
        say 'done'
      end },
    ]]
    said(host, 'done')
    local texts = {}
    for _, entry in ipairs(host:all { kind = 'log', unit = 'plant/w' }) do
      texts[#texts + 1] = entry.text
    end
    local at = 'tree.lua:12: channel:send takes plain data, not '
    assert.same({
      at .. 'a function', at .. 'a function', at .. 'a table with a metatable',
      at .. 'a cycle, or tables nested too deep', 'too large', '1048576', 'not taken',
      'done',
    }, texts)
    host:finish { signal = false }
  end)

  it('ends its waits when the worker is to stop', function()
    local host = start [[
      rs.channel 'empty' {},
      rs.channel 'full' { capacity = 1 },
      rs.worker 'r' { run = function()
        say('receive', { why = select(2, open 'empty':receive()) })
      end },
      rs.worker 's' { run = function()
        local full = open 'full'
        assert(full:send(1))
        say 'is full'
        say('send', { why = select(2, full:send(2)) })
      end },
    ]]
    said(host, 'is full')
    host:signal 'TERM'
    assert.same({ why = 'stopping' }, said(host, 'receive').fields)
    assert.same({ why = 'stopping' }, said(host, 'send').fields)
    host:finish { signal = false }
  end)

  it('moves to another what keeps killing', function()
    local host = start [[
      rs.channel 'jobs' { attempts = 3, rejects = 'bad' },
      rs.channel 'bad' {},
      rs.worker 'maker' { run = function()
        local out = open 'jobs'
        assert(out:send 'poison' and out:send 'food')
      end },
      rs.worker 'taker' { backend = 'process', run = function()
        local from = open 'jobs'
        local item = from:receive(20)
        if item.value == 'poison' then
          say('tries', { attempt = item.attempt })
          require('ffi').cast('int *', 8)[0] = 1
        end
        assert(from:ack(item))
        say('eats', { value = item.value, attempt = item.attempt })
      end },
      rs.worker 'nurse' { run = function()
        local from = open 'bad'
        local item = from:receive(20)
        say('sees', { value = item.value, origin = item.origin, tried = item.tried })
        assert(item.attempt == 1 and from:ack(item))
        assert(not from:receive(0.05))
      end },
    ]]
    local sees = said(host, 'sees')
    assert.same({ value = 'poison', origin = 'jobs', tried = 3 }, sees.fields)
    assert.same({ value = 'food', attempt = 1 }, said(host, 'eats').fields)
    assert.equal(3, #host:all { text = 'tries' })
    host:finish { signal = false }
  end)
end)

local RELOADED = [[
  %s
  rs.worker 'w' { run = function()
    local c = open 'c'
    for i = 1, 2 do assert(c:send(i)) end
    say 'is full'
    local ok, why = c:send(3)
    say(ok and 'sent' or why)
    require('std.time').sleep(60)
  end },
]]

describe('a reload', function()
  after_each(harness.sweep)

  local function change(to)
    local host = start(RELOADED:format "rs.channel 'c' { capacity = 2 },")
    local full = said(host, 'is full')
    host:write('tree.lua', HEAD .. RELOADED:format(to) .. '}')
    host:signal 'HUP'
    host:wait_for({ kind = 'reload' }, full)
    return host, full
  end

  it('gives a channel more room in place', function()
    local host, full = change "rs.channel 'c' { capacity = 3 },"
    said(host, 'sent', full)
    assert.same({}, host:all { kind = 'restart' })
    host:finish()
  end)

  it('closes a channel that the tree has no more', function()
    local host, full = change ''
    said(host, 'closed', full)
    host:finish()
  end)
end)

describe('status', function()
  after_each(harness.sweep)

  it('shows what is in a channel', function()
    local host = start [[
      rs.channel 'c' { capacity = 7 },
      rs.worker 'w' { run = function()
        local c = open 'c'
        for i = 1, 4 do assert(c:send(i)) end
        assert(c:ack(c:receive()))
        c:receive()
        say 'ready'
        require('std.time').sleep(60)
      end },
    ]]
    said(host, 'ready')
    local c = control.ask(host, { id = 1, op = 'status' }).result.channels[1]
    assert.same({ 'c', 7, 'block', 2, 1, 4, 1, 0, 0, 0 }, {
      c.name, c.capacity, c.overflow, c.depth, c.taken, c.sent, c.acked, c.redelivered,
      c.rejected, c.dropped,
    })
    assert.is_true(c.oldest_age >= 0)
    host:finish()
  end)
end)
