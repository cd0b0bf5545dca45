-- Channels whose items outlive the host.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local HEAD = [[
local rs = require 'runsmith'
local function say(text, fields) require('std.log').info(text, fields) end
local function open(name) return assert(require('std.channel').open(name)) end
return rs.supervisor 'plant' {
  intensity = { max = 100, within = 1 },
]]

local function start(body, dir)
  return harness.start {
    files = { ['tree.lua'] = HEAD .. body:gsub('DIR', dir) .. '}' },
  }
end

local function said(host, text, since)
  return host:wait_for({ kind = 'log', text = text }, since)
end

-- kill -9 of all that belongs to it, the witness first.
local function kill_all(host)
  local processes = host:processes()
  for _, process in ipairs(processes) do
    posix.kill(process.pid, 'KILL')
  end
  for _, process in ipairs(processes) do
    posix.wait_gone(process.pid, 20)
  end
  host:finish { signal = false, status = 137, stale_socket = true }
end

local FILLS = [[
  rs.channel 'jobs' { durable = 'DIR/jobs.db' },
  rs.worker 'filler' { backend = 'process', run = function()
    local jobs = open 'jobs'
    for i = 1, 5 do
      assert(jobs:send { n = i, blob = i == 4 and ('x'):rep(100000) or nil })
    end
    local first, second = jobs:receive(), jobs:receive()
    assert(first.value.n == 1 and second.value.n == 2 and jobs:ack(first))
    say 'filled'
    require('std.time').sleep(60)
  end },
]]

local DRAINS = [[
  rs.channel 'jobs' { durable = 'DIR/jobs.db' },
  rs.worker 'drainer' { backend = 'thread', run = function()
    local jobs = open 'jobs'
    while true do
      local item = jobs:receive(0.1)
      if not item then break end
      local size = item.value.blob and #item.value.blob or 0
      say('got', { n = item.value.n, attempt = item.attempt, size = size })
      assert(jobs:ack(item))
    end
    say 'drained'
  end },
]]

describe('a durable channel', function()
  local dir
  before_each(function() dir = posix.scratch() end)
  after_each(function()
    harness.sweep()
    os.execute(("rm -rf '%s'"):format(dir))
  end)

  it('keeps its items when everything is killed', function()
    local host = start(FILLS, dir)
    said(host, 'filled')
    kill_all(host)
    host = start(DRAINS, dir)
    said(host, 'drained')
    local got = {}
    for _, entry in ipairs(host:all { text = 'got' }) do
      got[#got + 1] = entry.fields
    end
    assert.same({
      { n = 2, attempt = 2, size = 0 },
      { n = 3, attempt = 1, size = 0 },
      { n = 4, attempt = 1, size = 100000 },
      { n = 5, attempt = 1, size = 0 },
    }, got)
    host:finish { signal = false }
    host = start(DRAINS, dir)
    said(host, 'drained')
    assert.same({}, host:all { text = 'got' })
    host:finish { signal = false }
  end)

  it('is one host\'s at a time', function()
    local host = start(FILLS, dir)
    said(host, 'filled')
    local other = start([[
      rs.channel 'jobs' { durable = 'DIR/jobs.db' },
      rs.worker 'w' { run = function()
        say(select(2, require('std.channel').open 'jobs'))
      end },
    ]], dir)
    said(other, "channel 'jobs': another host has its file")
    assert.equal(0, other:wait_end())
    host:finish()
  end)

  it('redelivers what a killed worker had, as any channel does', function()
    local host = start([[
      rs.channel 'jobs' { durable = 'DIR/jobs.db', capacity = 4 },
      rs.worker 'maker' { run = function()
        local jobs = open 'jobs'
        for i = 1, 30 do assert(jobs:send(i)) end
      end },
      rs.worker 'taker' { backend = 'process', run = function()
        local jobs = open 'jobs'
        while true do
          local item = assert(jobs:receive(20))
          if item.value % 10 == 7 and item.attempt == 1 then
            require('ffi').cast('int *', 8)[0] = 1
          end
          assert(jobs:ack(item))
          say('did', { n = item.value })
          if item.value == 30 then return end
        end
      end },
    ]], dir)
    host:finish { signal = false }
    local did = {}
    for i, entry in ipairs(host:all { text = 'did' }) do
      assert.equal(i, entry.fields.n)
      did[i] = true
    end
    assert.equal(30, #did)
    assert.equal(3, #host:all { kind = 'restart', unit = 'plant/taker' })
  end)

  it('says what is wrong with its file', function()
    local file = assert(io.open(dir .. '/jobs.db', 'w'))
    file:write(('no database '):rep(100))
    file:close()
    local host = start([[
      rs.channel 'jobs' { durable = 'DIR/jobs.db' },
      rs.worker 'w' { run = function() say(select(2, open 'jobs':send(1))) end },
    ]], dir)
    said(host, 'storage: file is not a database')
    host:finish { signal = false }
  end)
end)
