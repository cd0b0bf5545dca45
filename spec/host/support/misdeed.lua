-- misdeed.lua -- lets the culprit of a fixtures tree do its deed and checks who paid.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local MISHAPS = { 'violation', 'exited', 'restart', 'collateral', 'killed' }

local M = {}

--- Starts a tree, waits until it is ready, and lets the culprit go.
--- @param before? fun(host: runsmith.spec.Host) called once all are ready
--- @return runsmith.spec.Host, table ready the root's first `ready`
function M.commit(backend, how, more, before)
  local host = harness.start { files = fixtures.files(backend, how, more) }
  local ready = host:wait_for { kind = 'ready', unit = 'plant' }
  if before then before(host) end
  host:write('go', '')
  return host, ready
end

--- Waits until the culprit is back, and checks that it was charged.
--- @return table restart, table ready of incarnation 1
function M.comes_back(host, since)
  local pattern = { kind = 'ready', unit = 'plant/culprit', incarnation = 1 }
  local back = host:wait_for(pattern, since)
  local restart = host:all { kind = 'restart', unit = 'plant/culprit' }[1]
  assert.is_true(restart.charged)
  return restart, back
end

--- Checks that units were left in peace: one start, no violation, no end.
function M.untouched(host, units)
  for _, unit in ipairs(units) do
    assert.equal(1, #host:all { kind = 'started', unit = unit }, unit .. host:tail())
    for _, kind in ipairs(MISHAPS) do
      assert.equal(0, #host:all { kind = kind, unit = unit }, unit .. host:tail())
    end
  end
end

--- Checks that units died for the culprit and came back uncharged.
function M.collateral(host, since, units)
  for _, unit in ipairs(units) do
    local entry = host:wait_for({ kind = 'collateral', unit = unit }, since)
    assert.equal('plant/culprit', entry.culprit)
    host:wait_for({ kind = 'ready', unit = unit, incarnation = 1 }, since)
    local restart = host:all { kind = 'restart', unit = unit }[1]
    assert.is_falsy(restart.charged)
  end
end

return M
