-- Units of a pool come and go, by the protocol and by the Lua client: nothing of them
-- is left. RS_ADDS: how many of each.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local random = require 'host.support.random'
local usage = require 'host.support.usage'

local ADDS = random.size('RS_ADDS', 20000)
local AT_ONCE = 24 -- adds and removes that are unanswered at a time

local MEMBER = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'
return worker.define {
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(1)
    return 'keepalive'
  end,
}
]]

-- Adds and removes by the client as fast as it is answered, in rounds of so many.
local DRIVER = [[
local worker = require 'runsmith.worker'
local client = require 'runsmith.client'
local time = require 'std.time'
return worker.define {
  starting = function(self)
    self.client = assert(client.connect())
    self.round = 0
    return 'run'
  end,
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    if self.round * ROUND >= ALL then
      if not self.told then print 'done' end
      self.told = true
      time.sleep(1)
      return 'keepalive'
    end
    self.round = self.round + 1
    local ids = {}
    for i = 1, ROUND do
      local name = ('m%d'):format(i)
      local fields = { path = 'plant/lua', name = name, args = { i } }
      ids[#ids + 1] = self.client:send('add', fields)
    end
    for i = 1, ROUND do
      assert(self.client:answer(ids[i]))
      ctx:heartbeat()
    end
    for i = 1, ROUND do
      ids[i] = self.client:send('remove', { path = ('plant/lua/m%d'):format(i) })
    end
    for i = 1, ROUND do
      assert(self.client:answer(ids[i]))
      ctx:heartbeat()
    end
    return 'keepalive'
  end,
}
]]

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.supervisor 'pool' { journal = 'brief', pool = rs.worker { run = 'member' } },
  rs.supervisor 'lua' { journal = 'brief', pool = rs.worker { run = 'member' } },
  rs.worker 'driver' { run = 'driver', backend = 'process' },
}
]]

local function round(client, first)
  local lines = {}
  for i = first, first + AT_ONCE - 1 do
    lines[#lines + 1] = ('{"id":%d,"op":"add","path":"plant/pool","name":"u%d",'
      .. '"args":{"port":%d}}\n'):format(i, i % 997, i)
  end
  client:send(table.concat(lines))
  for _ = 1, AT_ONCE do
    local answer = assert(client:object())
    assert.is_true(answer.ok, answer.error and answer.error.message)
  end
  for i = first, first + AT_ONCE - 1 do
    lines[i - first + 1] = ('{"id":%d,"op":"remove","path":"plant/pool/u%d"}\n'):format(
      i, i % 997)
  end
  client:send(table.concat(lines))
  for _ = 1, AT_ONCE do
    local answer = assert(client:object())
    assert.is_true(answer.ok, answer.error and answer.error.message)
  end
end

describe('a pool', function()
  after_each(harness.sweep)

  it('keeps nothing of those that were removed', function()
    local half = math.floor(ADDS / 2)
    local host = harness.start {
      files = {
        ['tree.lua'] = TREE, ['member.lua'] = MEMBER,
        ['driver.lua'] = (DRIVER:gsub('%u%u%u+', { ROUND = AT_ONCE, ALL = half })),
      },
    }
    host:wait_for { kind = 'ready', unit = 'plant' }
    local client, before, done, told = control.open(host), nil, 0, nil
    local over = { kind = 'output', unit = 'plant/driver', text = 'done' }
    local from = posix.now()
    while done < half do
      round(client, done)
      done = done + AT_ONCE
      host:read(0)
      told = told or host:all(over)[1]
      host.entries = {}
      if not before and done >= half / 3 then before = usage.settled(host) end
    end
    local took = posix.now() - from
    if not told then host:wait_for(over, nil, 3600) end
    if os.getenv 'RS_TELL' then print(('%d in %.1f s'):format(done, took)) end
    local left = control.ask(host, { op = 'status', path = 'plant/pool' }).result
    assert.equal(0, #left.children)
    client:close()
    usage.assert_flat(host, before, {
      engine_rss = 700, server_rss = 200, runners_pss = 4000, engine_fds = 2,
      engine_maps = 1, runners_maps = 4,
    })
    host:finish()
  end)
end)
