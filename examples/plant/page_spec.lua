-- The page, in a real browser: what is seen, and what is pressed.
-- PLANT_SHOTS: a folder for pictures of it.

local assert = require 'luassert'

package.path = 'examples/plant/?.lua;' .. package.path
local browser = require 'browser'
local harness = require 'host.support.harness'
local rig = require 'rig'

local NUMBER = "Number(document.querySelector('#live').dataset.number || 0)"

-- How many shades the picture's middle row has.
local SHADES = [[
  const live = document.querySelector('#live');
  const row = live.getContext('2d').getImageData(0, 240, 960, 1).data;
  return new Set(row.filter((_, i) => i % 4 === 1)).size;
]]

local function within(unit, css) return ('[data-unit=%s] %s'):format(unit, css) end

local function text(page, css)
  return page:run(("return document.querySelector('%s').textContent"):format(css))
end

local function wait_text(page, css, part)
  local is = "document.querySelector('%s')?.textContent.includes('%s')"
  return page:wait(is:format(css, part))
end

describe('the page of the example plant', function()
  local host, port, page

  setup(function()
    host, port = rig.start()
    page = browser.start(1440, 1300)
    page:go(('http://127.0.0.1:%d/'):format(port))
  end)

  teardown(function()
    if page then page:close() end
    harness.sweep()
  end)

  local function press(fault, nth)
    page:click(('[data-fault=%s] button:nth-child(%d)'):format(fault, nth or 1))
  end

  local function shoot(name)
    local folder = os.getenv 'PLANT_SHOTS'
    if folder then page:shot(('%s/%s.png'):format(folder, name)) end
  end

  it('shows live pictures', function()
    page:wait(NUMBER .. ' > 0')
    local first = page:run('return ' .. NUMBER)
    page:wait(('%s > %.0f + 15'):format(NUMBER, first))
    assert.truthy(page:run(SHADES) > 40)
  end)

  it('shows what the inspector says, and what is stored', function()
    page:wait "document.querySelectorAll('#tally div').length >= 8"
    page:wait "Number(document.querySelector('#tally b').textContent) > 0"
  end)

  it('shows each unit, its state and its rate', function()
    local states = {
      camera = 'streaming', inspector = 'inspecting', recorder = 'recording',
      keeper = 'keeping', onvif = 'running', web = 'serving',
    }
    for unit, state in pairs(states) do
      wait_text(page, within(unit, '.state'), state)
      local rate = "parseFloat(document.querySelector('%s').textContent) > %d"
      page:wait(rate:format(within(unit, '.rate'), rig.RATES[unit] / 2))
    end
    wait_text(page, '#summary', '6 of 6 units healthy')
    shoot 'well'
  end)

  for _, fault in ipairs { 'camera-crash', 'inspector-stall' } do
    local unit = fault:match '^%a+'
    it('has a switch for ' .. fault .. ', and shows the restart', function()
      assert.truthy(text(page, within(unit, '.facts')):find 'restarts 0')
      press(fault)
      page:wait(("document.querySelector('[data-unit=%s]').className != 'unit healthy'")
        :format(unit))
      shoot(fault)
      wait_text(page, within(unit, '.facts'), 'restarts 1')
      wait_text(page, '#journal', 'restart: failed')
      page:wait(("document.querySelector('[data-unit=%s]').matches('.healthy')")
        :format(unit))
      local then_shown = page:run('return ' .. NUMBER)
      page:wait(('%s > %.0f + 5'):format(NUMBER, then_shown))
      assert.truthy(text(page, within('web', '.facts')):find 'restarts 0')
    end)
  end

  it('keeps a fault switched on until it is switched off', function()
    local is_on = "document.querySelector('[data-fault=keeper-error]').matches('.on')"
    press('keeper-error', 2)
    page:wait(is_on)
    wait_text(page, within('keeper', '.facts'), 'restarts 2')
    press('keeper-error', 2)
    page:wait('!' .. is_on)
    wait_text(page, within('keeper', '.state'), 'keeping')
  end)

  it('stops and starts a unit', function()
    page:click(within('onvif', '[data-order=stop]'))
    wait_text(page, within('onvif', '.state'), 'stopped')
    page:click(within('onvif', '[data-order=start]'))
    wait_text(page, within('onvif', '.state'), 'running')
  end)

  it('outlives the web unit, and comes back with it', function()
    press 'web-error'
    wait_text(page, within('web', '.facts'), 'restarts 1')
    local then_shown = page:run('return ' .. NUMBER)
    page:wait(('%s > %.0f + 5'):format(NUMBER, then_shown))
    wait_text(page, '#summary', '6 of 6 units healthy')
  end)

  it('fits on a phone', function()
    page:resize(500, 900) -- Chromium's windows are no smaller
    local width = 'document.documentElement.scrollWidth <= window.innerWidth'
    assert.is_true(page:run('return ' .. width))
    shoot 'phone'
  end)

  it('leaves nothing behind', function()
    page:close()
    page = nil
    rig.finish(host)
  end)
end)
