local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local uv = require 'luv'

local SERVICES = { 'redis', 'mosquitto', 'nginx' }
local PORT = 18000 + posix.self() * 4 % 8000
local PORTS = { nginx = PORT, redis = PORT + 1, mosquitto = PORT + 2 }

local function path(name) return 'services/' .. name end

local function redis(words)
  local pipe = io.popen(('redis-cli -p %d %s'):format(PORTS.redis, words))
  local answer = pipe:read '*a'
  pipe:close()
  return answer
end

local function incarnation(host, name)
  local all = host:all { kind = 'started', unit = path(name) }
  return all[#all].incarnation
end

-- Does something to a service: that one is restarted, the two others are not.
local function replaces(host, name, harm)
  local before, newest = {}, host.entries[#host.entries]
  for _, each in ipairs(SERVICES) do
    before[each] = incarnation(host, each)
  end
  harm()
  host:wait_for({ kind = 'ready', unit = path(name) }, newest)
  for _, each in ipairs(SERVICES) do
    local wanted = before[each] + (each == name and 1 or 0)
    assert.equal(wanted, incarnation(host, each), each .. host:tail())
  end
  return newest
end

-- An order that is put in is served, whatever happened before.
local function serves(host, order)
  redis('RPUSH orders ' .. order)
  host:wait_for {
    kind = 'log', unit = path 'clerk', text = 'served',
    fields = function(fields) return fields and fields.order == order end,
  }
end

-- Connections that begin to say something and never end; the function returned closes
-- them. One after another: of those that have said nothing yet nginx closes some.
local function occupy(port, count, said)
  local list = {}
  for i = 1, count do
    local begun = false
    local function done() begun = true end
    list[i] = uv.new_tcp()
    list[i]:connect('127.0.0.1', port, function(err)
      if err then done() else list[i]:write(said, done) end
    end)
    while not begun do
      uv.run 'once'
    end
  end
  return function()
    for _, tcp in ipairs(list) do
      tcp:close()
    end
    uv.run 'nowait'
  end
end

describe('the example services', function()
  local dir, host

  before_each(function()
    dir = posix.scratch()
    -- Started by root, nginx has workers of another user.
    os.execute(("chmod 711 '%s'"):format(dir))
    host = harness.example('services', {
      env = { SERVICES_DIR = dir .. '/data', SERVICES_PORT = tostring(PORT) },
    })
    host:wait_for { kind = 'ready', unit = 'services' }
  end)
  after_each(function()
    harness.sweep()
    os.execute(("rm -rf '%s'"):format(dir))
  end)

  it('starts its worker when what it needs is ready, and serves', function()
    local clerk = host:wait_for { kind = 'started', unit = path 'clerk' }
    for _, name in ipairs(SERVICES) do
      local ready = host:wait_for { kind = 'ready', unit = path(name) }
      assert.is_true(ready.seq < clerk.seq)
    end
    serves(host, 'tea')
    assert.equal('1 served\n', posix.slurp(dir .. '/data/www/index.html'))
    host:finish()
  end)

  it('goes on when any part is killed', function()
    for _, name in ipairs(SERVICES) do
      replaces(host, name, function() posix.kill(host:pid_of(path(name)), 'KILL') end)
      serves(host, 'after-' .. name)
    end
    posix.kill(host:pid_of(path 'clerk'), 'KILL')
    serves(host, 'after-clerk')
    host:finish()
  end)

  it('finds who is stopped', function()
    for _, name in ipairs(SERVICES) do
      local since = replaces(host, name, function()
        local pid = host:pid_of(path(name))
        -- It is nginx's workers that answer.
        for _, each in ipairs(name == 'nginx' and posix.children(pid) or { pid }) do
          posix.kill(each, 'STOP')
        end
      end)
      local found = host:wait_for({ kind = 'violation', unit = path(name) }, since)
      assert.equal('probe', found.constraint)
    end
    serves(host, 'after-all')
    host:finish()
  end)

  it('finds who has no room any more', function()
    local harms = {
      redis = function() -- 100 MB, which it is not to remember
        redis 'CONFIG SET appendonly no'
        redis 'SETRANGE big 100000000 x'
      end,
      mosquitto = function() return occupy(PORTS.mosquitto, 20, '\16') end,
      nginx = function() return occupy(PORTS.nginx, 120, 'GET /') end,
    }
    for _, name in ipairs(SERVICES) do
      local free
      replaces(host, name, function()
        local since = host.entries[#host.entries]
        free = harms[name]()
        local found = host:wait_for({ kind = 'violation', unit = path(name) }, since)
        assert.equal('probe', found.constraint)
        if free then free() end
      end)
    end
    serves(host, 'after-all')
    host:finish()
  end)

  it('restarts a jammed clerk for the length of its queue', function()
    redis 'RPUSH orders jam a b c d e f'
    local found = host:wait_for { kind = 'violation', unit = path 'clerk' }
    assert.equal('lua: 6 orders wait', found.where)
    serves(host, 'last')
    for _, name in ipairs(SERVICES) do
      assert.equal(0, incarnation(host, name))
    end
    host:finish()
  end)
end)
