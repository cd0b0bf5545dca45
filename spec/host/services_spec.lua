-- Real services: when they are ready, how they reload, end, and are ended.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local services = require 'host.support.services'

local function path(name) return 'plant/' .. name end

local function ready(host, name, since)
  local unit = name == 'plant' and name or path(name)
  return host:wait_for({ kind = 'ready', unit = unit }, since)
end

local function started(host, name)
  return #host:all { kind = 'started', unit = path(name) }
end

local function has_said(host, name, pattern, since)
  return host:wait_for({
    kind = 'output', unit = path(name),
    text = function(text) return text ~= nil and text:find(pattern) ~= nil end,
  }, since)
end

local function last(host) return host.entries[#host.entries] end

describe('services', function()
  after_each(function()
    harness.sweep()
    services.sweep()
  end)

  it('are ready by READY=1 or a probe, in order, and end in order', function()
    local after = "{ 'redis', 'postgres', 'mosquitto' }"
    local host = services.start('nginx redis postgres mosquitto', after)
    local nginx = host:wait_for { kind = 'started', unit = path 'nginx' }
    for _, name in ipairs { 'redis', 'postgres', 'mosquitto' } do
      assert.is_true(ready(host, name).seq < nginx.seq)
    end
    ready(host, 'nginx')
    has_said(host, 'redis', 'Ready to accept connections')
    has_said(host, 'postgres', 'database system is ready')
    host:signal 'TERM'
    host:wait_end()
    local stop = host:all({ kind = 'exited', unit = path 'nginx' })[1]
    for _, name in ipairs { 'nginx', 'redis', 'postgres', 'mosquitto' } do
      local exit = host:all({ kind = 'exited', unit = path(name) })[1]
      assert.equal('ok', exit.reason, name .. host:tail())
      assert.is_true(exit.seq >= stop.seq)
    end
    assert.equal(0, #host:all { kind = 'violation' })
    has_said(host, 'postgres', 'database system is shut down')
    host:finish()
  end)

  it('are replaced when killed; a child of theirs is their own affair', function()
    local host = services.start 'nginx redis postgres mosquitto'
    ready(host, 'plant')
    local master = host:pid_of(path 'nginx')
    local worker = posix.children(master)[1]
    posix.kill(worker, 'KILL')
    has_said(host, 'nginx', 'exited on signal 9')
    local child = posix.children(host:pid_of(path 'postgres'))[1]
    posix.kill(child, 'KILL')
    has_said(host, 'postgres', 'terminated by signal 9')
    for _, name in ipairs { 'nginx', 'redis', 'postgres', 'mosquitto' } do
      local at, before = last(host), posix.children(host:pid_of(path(name)))
      assert.equal(1, started(host, name))
      posix.kill(host:pid_of(path(name)), 'KILL')
      ready(host, name, at)
      assert.equal(2, started(host, name))
      for _, pid in ipairs(before) do -- those that it had started went with it
        assert.is_false(posix.alive(pid))
      end
    end
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('reload by a signal when only their files changed', function()
    local host = services.start 'nginx postgres redis'
    ready(host, 'plant')
    host:signal 'HUP' -- from now on the file that PostgreSQL made is known
    local first = host:wait_for({ kind = 'reload' }, last(host))
    has_said(host, 'postgres', 'received SIGHUP', first) -- it has read the old one
    host:write('nginx.conf', services.nginx:format(services.PORTS.nginx, 204))
    local config = host.pg .. '/data/postgresql.conf'
    local file = assert(io.open(config, 'a'))
    file:write "work_mem = '5MB'\n"
    file:close()
    host:signal 'HUP'
    local second = host:wait_for({ kind = 'reload' }, first)
    has_said(host, 'nginx', 'reconfiguring', second)
    has_said(host, 'postgres', 'parameter "work_mem" changed to "5MB"', second)
    for _, name in ipairs { 'nginx', 'postgres', 'redis' } do
      assert.equal(1, started(host, name), name)
    end
    host:finish()
  end)

  it('that are stopped are found by their probes', function()
    local host = services.start 'postgres redis'
    ready(host, 'plant')
    host:wait_for { kind = 'probe', unit = path 'postgres', verdict = 'alive' }
    local at = last(host)
    posix.kill(host:pid_of(path 'postgres'), 'STOP')
    local found = host:wait_for({ kind = 'violation' }, at)
    assert.same({ path 'postgres', 'probe' }, { found.unit, found.constraint })
    ready(host, 'postgres', found)
    assert.equal(1, started(host, 'redis'))
    host:finish()
  end)

  it('are held to their memory', function()
    local host = services.start 'redis mosquitto'
    ready(host, 'plant')
    local at = last(host)
    local words = 'redis-cli -p %d SETRANGE big 400000000 x >/dev/null 2>&1'
    os.execute(words:format(services.PORTS.redis))
    local exit = host:wait_for({ kind = 'exited', unit = path 'redis' }, at)
    assert.is_true(exit.reason == 'signal' or exit.reason == 'error', exit.reason)
    ready(host, 'redis', exit)
    assert.equal(1, started(host, 'mosquitto'))
    host:finish()
  end)
end)
