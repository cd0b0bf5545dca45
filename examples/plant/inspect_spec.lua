local assert = require 'luassert'
local ffi = require 'ffi'

package.path = 'examples/plant/?.lua;' .. package.path
local driver = require 'driver'
local inspect = require 'inspect'

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
local STEPS = 900 -- of the belt: 48 washers

describe('the inspector', function()
  local lib = driver.load(BUILD .. '/examples/plant/libplant_camera.so')
  local pixels = ffi.new('uint8_t[?]', driver.SIZE)

  -- Each washer is in many pictures: it is known by where on the belt it lies.
  local function verdicts(from)
    local by_place, passed = {}, {}
    for step = from, from + STEPS do
      lib.plant_belt_draw(pixels, step)
      local parts = inspect.parts(pixels)
      for _, part in ipairs(parts) do
        local place = math.floor((part.x - step * driver.STEP) / 50 + 0.5)
        local known = by_place[place] or {}
        by_place[place] = known
        local kind = part.defect or 'good'
        known[kind] = (known[kind] or 0) + 1
      end
      for _, part in ipairs(inspect.passed(parts, 1)) do
        passed[#passed + 1] = part.defect or 'good'
      end
    end
    return by_place, passed
  end

  it('says the same of a washer in every picture; finds each fault', function()
    local by_place = verdicts(26930000000)
    local kinds = {}
    for place, known in pairs(by_place) do
      local kind = next(known)
      assert.is_nil(next(known, kind), 'washer ' .. place)
      kinds[kind] = (kinds[kind] or 0) + 1
    end
    for _, kind in ipairs { 'good', 'cracked', 'chipped', 'blind', 'small' } do
      assert.truthy(kinds[kind], kind)
    end
    assert.truthy(kinds.good > STEPS * driver.STEP / 150 / 2)
  end)

  it('has each washer pass the gauge once', function()
    local _, passed = verdicts(0)
    assert.truthy(math.abs(#passed - STEPS * driver.STEP / 150) <= 2, #passed)
  end)

  it('finds nothing in the dark', function()
    ffi.fill(pixels, driver.SIZE)
    assert.same({}, inspect.parts(pixels))
  end)
end)
