local assert = require 'luassert'
local harness = require 'host.support.harness'
local json = require 'cjson'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'

local EMPTY_AFTERWARDS = {
  'feeder', 'inbox', 'claimed', 'finished', 'rejected',
}
local SOURCE = '/var/lib/dpkg/status'

-- Name of the file → package and version, by another way than the example's.
local function expected()
  local all, count, now = {}, 0, {}
  for line in (posix.slurp(SOURCE) .. '\n'):gmatch '([^\n]*)\n' do
    local field, value = line:match '^(%u[%w-]+): (.*)'
    if field then now[field] = value end
    if line == '' and now.Package then
      all[now.Package .. '_' .. (now.Architecture or 'none')] = now
      count, now = count + 1, {}
    end
  end
  return all, count
end

local function check_results(dir)
  local wanted, count = expected()
  local names = posix.list(dir .. '/results')
  assert.equal(count, #names)
  for _, name in ipairs(names) do
    local record = json.decode(posix.slurp(dir .. '/results/' .. name))
    assert.equal(wanted[name].Package, record.package)
    assert.equal(wanted[name].Version, record.version)
  end
  for _, folder in ipairs(EMPTY_AFTERWARDS) do
    assert.same({}, posix.list(dir .. '/' .. folder), folder)
  end
end

local function start(dir, pace)
  local host = harness.example('etl', {
    env = { ETL_DIR = dir, ETL_SOURCE = SOURCE, ETL_PACE = tostring(pace) },
  })
  for _, name in ipairs { 'poller', 'transformer', 'writer' } do
    host:wait_for { kind = 'started', unit = 'etl/' .. name }
  end
  return host
end

-- Kills something of a host. The status by which the host itself ended, if it did.
local function kill_one(host)
  local workers = { 'etl/poller', 'etl/transformer', 'etl/writer' }
  local dice = math.random(40)
  if dice == 1 then
    parts.kill(host, 'engine')
    return 1
  elseif dice == 2 then
    local processes = host:processes()
    posix.kill(host.pid, 'KILL')
    for _, process in ipairs(processes) do
      assert.is_true(posix.wait_gone(process.pid, 20), process.title)
    end
    return 137
  elseif dice <= 5 then
    parts.kill(host, 'fork server')
  else
    posix.kill(host:pid_of(workers[dice % 3 + 1]), 'KILL')
  end
  return nil
end

local function none_replaced(host)
  assert.equal(0, #host:all { kind = 'log', text = 'replaces a result' }, host:tail())
end

describe('the example etl', function()
  local dir

  before_each(function() dir = posix.scratch() end)
  after_each(function()
    harness.sweep()
    os.execute(("rm -rf '%s'"):format(dir))
  end)

  it('makes a result of each package', function()
    local _, count = expected()
    local host = start(dir, 0)
    local total = 0
    local at
    while total < count do
      at = host:wait_for({ kind = 'log', unit = 'etl/writer', text = 'written' }, at)
      total = at.fields.total
    end
    assert.equal(0, #host:all { kind = 'violation' })
    assert.equal(0, #host:all { kind = 'restart' })
    host:finish()
    check_results(dir)
  end)

  it('loses none and does none twice when parts are killed at random', function()
    math.randomseed(tonumber(os.getenv 'RS_SEED' or 1))
    local _, count = expected()
    local pace = math.max(0.003, 3 / count) -- time for the kills, however few there are
    local host = start(dir, pace)
    local by, kills = posix.now() + 240, 0
    while #posix.list(dir .. '/results') < count do
      assert.is_true(posix.now() < by, host:tail())
      host:watch(0.05 + math.random() * 0.2)
      kills = kills + 1
      local status = kill_one(host)
      if status then
        host:wait_end()
        none_replaced(host)
        host:finish { status = status, stale_socket = true }
        host = start(dir, pace)
      end
    end
    assert.is_true(kills >= 5)
    host:wait_end(host:signal 'TERM' and 20)
    none_replaced(host)
    host:finish()
    check_results(dir)
  end)
end)
