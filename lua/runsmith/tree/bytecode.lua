--- Bytecode in one form only. string.dump writes a constant table's keys in the order
--- of their hashes, which differs from process to process; here they are sorted, so
--- that equal functions have equal bytes. The format is LuaJIT 2.1's (lj_bcdump.h).
local M = {}

local sub, byte, concat = string.sub, string.byte, table.concat

local FLAG_STRIP = 2
local KGC_TAB, KGC_I64, KGC_COMPLEX, KGC_STR = 1, 2, 4, 5
local KTAB_INT, KTAB_NUM, KTAB_STR = 3, 4, 5

local function uleb(code, at)
  local value, scale = 0, 1
  while true do
    local b = byte(code, at)
    at = at + 1
    if b < 128 then return value + b * scale, at end
    value, scale = value + (b - 128) * scale, scale * 128
  end
end

local function skip_ulebs(code, at, count)
  for _ = 1, count do
    _, at = uleb(code, at)
  end
  return at
end

local function skip_item(code, at)
  local kind, after = uleb(code, at)
  if kind >= KTAB_STR then return after + kind - KTAB_STR end
  if kind == KTAB_INT then return skip_ulebs(code, after, 1) end
  if kind == KTAB_NUM then return skip_ulebs(code, after, 2) end
  return after
end

local function sorted_table(code, at, out)
  local from = at
  local arrays, hashes
  arrays, at = uleb(code, at)
  hashes, at = uleb(code, at)
  for _ = 1, arrays do
    at = skip_item(code, at)
  end
  out[#out + 1] = sub(code, from, at - 1)
  local pairs_found = {}
  for i = 1, hashes do
    local first = at
    at = skip_item(code, skip_item(code, at))
    pairs_found[i] = sub(code, first, at - 1)
  end
  table.sort(pairs_found)
  out[#out + 1] = concat(pairs_found)
  return at
end

local function constants(code, at, count, out)
  for _ = 1, count do
    local kind, after = uleb(code, at)
    if kind == KGC_TAB then
      out[#out + 1] = sub(code, at, after - 1)
      at = sorted_table(code, after, out)
    else
      local first = at
      if kind >= KGC_STR then
        at = after + kind - KGC_STR
      elseif kind >= KGC_I64 then
        at = skip_ulebs(code, after, kind == KGC_COMPLEX and 4 or 2)
      else
        at = after
      end
      out[#out + 1] = sub(code, first, at - 1)
    end
  end
  return at
end

local function prototype(code, first, last, out)
  local upvalues = byte(code, first + 3)
  local kgcs, instructions
  local at = first + 4
  kgcs, at = uleb(code, at)
  at = skip_ulebs(code, at, 1)
  instructions, at = uleb(code, at)
  at = at + 4 * instructions + 2 * upvalues
  out[#out + 1] = sub(code, first, at - 1)
  at = constants(code, at, kgcs, out)
  out[#out + 1] = sub(code, at, last)
end

--- The same bytecode with constant tables in order.
--- @param code string what string.dump(f, true) gave
--- @return string
function M.canonical(code)
  local flags, at = uleb(code, 5)
  assert(bit.band(flags, FLAG_STRIP) ~= 0, 'only stripped bytecode has one form')
  local out = { sub(code, 1, at - 1) }
  while true do
    local size
    size, at = uleb(code, at)
    if size == 0 then return concat(out) end
    out[#out + 1] = ('<%d>'):format(size)
    prototype(code, at, at + size - 1, out)
    at = at + size
  end
end

return M
