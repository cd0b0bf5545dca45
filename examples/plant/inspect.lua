--- inspect.lua -- finds the washers in a picture, measures them, and says what is wrong
--- with them. Steel is bright and the belt is dark.

local driver = require 'driver'
local ffi = require 'ffi'

local M = {}

local WIDTH, HEIGHT = driver.WIDTH, driver.HEIGHT
local TOP, BOTTOM = 24, HEIGHT - 25 -- between the rails
local STEEL = 125
local NOISE = 2 -- bright pixels of a column that are none
local WIDE = 40 -- narrower things are no washers
local RADIUS, HOLE = 40, 15
local AREA = math.pi * (RADIUS ^ 2 - HOLE ^ 2)

local columns = ffi.new('int32_t[?]', WIDTH)

local function count_columns(pixels)
  ffi.fill(columns, ffi.sizeof(columns))
  for y = TOP, BOTTOM do
    local row = pixels + y * WIDTH
    for x = 0, WIDTH - 1 do
      if row[x] >= STEEL then columns[x] = columns[x] + 1 end
    end
  end
end

local function has_steel(pixels, y, from, to)
  local row = pixels + y * WIDTH
  for x = from, to do
    if row[x] >= STEEL then return true end
  end
  return false
end

local function defect_of(part)
  local missing = AREA - part.area
  if math.max(part.width, part.height) < 2 * RADIUS - 6 then return 'small' end
  if missing < -300 then return 'blind' end
  if missing > 200 then return 'chipped' end
  if missing > 45 then return 'cracked' end
end

local function measure(pixels, from, to)
  local top, bottom, area = TOP, BOTTOM, 0
  while not has_steel(pixels, top, from, to) do top = top + 1 end
  while not has_steel(pixels, bottom, from, to) do bottom = bottom - 1 end
  for x = from, to do
    area = area + columns[x]
  end
  local part = {
    x = (from + to) / 2, y = (top + bottom) / 2, width = to - from + 1,
    height = bottom - top + 1, area = area,
  }
  part.defect = defect_of(part)
  return part
end

--- @class plant.Part
--- @field x number centre
--- @field y number
--- @field width integer
--- @field height integer
--- @field area integer pixels of steel
--- @field defect? string 'small', 'blind', 'chipped', 'cracked'

--- Those parts that are in the picture as a whole, from left to right.
--- @param pixels ffi.cdata* uint8_t[WIDTH * HEIGHT]
--- @return plant.Part[]
function M.parts(pixels)
  count_columns(pixels)
  local parts, from = {}, nil
  for x = 0, WIDTH do
    local is_steel = x < WIDTH and columns[x] > NOISE
    if is_steel and not from then
      from = x
    elseif not is_steel and from then
      if from > 0 and x < WIDTH and x - from >= WIDE then
        parts[#parts + 1] = measure(pixels, from, x - 1)
      end
      from = nil
    end
  end
  return parts
end

--- Of these, the ones that have passed the gauge in the middle within the last steps.
--- @param parts plant.Part[]
--- @param steps integer
--- @return plant.Part[]
function M.passed(parts, steps)
  local passed, gauge = {}, WIDTH / 2
  for _, part in ipairs(parts) do
    if part.x >= gauge and part.x < gauge + steps * driver.STEP then
      passed[#passed + 1] = part
    end
  end
  return passed
end

return M
