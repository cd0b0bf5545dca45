-- The header is one text for two compilers: what C says of its layout, Lua must find.

local abi = require 'runsmith.abi'
local assert = require 'luassert'
local ffi = require 'ffi'

-- Every struct of the header with its members.
local function structs()
  local found = {}
  local text = abi.head_text:gsub('/%*.-%*/', '')
  for name, body in text:gmatch 'typedef struct (rs_[%w_]+) {(.-)}' do
    local members = {}
    for list in body:gmatch '%s([%w_%[%], ]+);' do
      for member in list:gsub('^%s*[%w_]+%s', '', 1):gmatch '([%a_][%w_]*)' do
        members[#members + 1] = member
      end
    end
    found[#found + 1] = { name = name, members = members }
  end
  return found
end

-- Sizes and offsets as the C compiler has them: 'name member number' lines.
local function compile(list)
  local lines =
    { '#include <stdio.h>', '#include "host/core/abi.h"', 'int main(void) {' }
  for _, struct in ipairs(list) do
    lines[#lines + 1] = ('  printf("%s . %%zu\\n", sizeof(%s));'):format(
      struct.name,
      struct.name
    )
    for _, member in ipairs(struct.members) do
      lines[#lines + 1] = ('  printf("%s %s %%zu\\n", offsetof(%s, %s));'):format(
        struct.name,
        member,
        struct.name,
        member
      )
    end
  end
  lines[#lines + 1] = '}'
  local path = os.tmpname()
  local pipe = io.popen(('cc -std=c11 -I. -x c - -o %s'):format(path), 'w')
  pipe:write(table.concat(lines, '\n'), '\n')
  pipe:close()
  local output = io.popen(path)
  local text = output:read '*a'
  output:close()
  os.remove(path)
  return text
end

describe('the header', function()
  it('has the sizes and offsets that the C compiler gives it', function()
    local list = structs()
    local compared = 0
    for name, member, number in compile(list):gmatch '(%S+) (%S+) (%d+)\n' do
      local here = member == '.' and ffi.sizeof(name) or ffi.offsetof(name, member)
      assert.equal(tonumber(number), here, name .. ' ' .. member)
      compared = compared + 1
    end
    assert.truthy(#list >= 13 and compared > 100, 'only ' .. compared)
  end)

  it('names a C type for each table of a plan', function()
    assert.equal(abi.C.RS_T_COUNT - 1, #abi.ROWS)
    for place = 0, #abi.ROWS do
      assert.truthy(ffi.sizeof(abi.ROWS[place]) > 0)
    end
  end)

  it('gives times as nanoseconds, and no end for math.huge', function()
    assert.equal(500000000LL, abi.time(0.5))
    assert.equal(1LL, abi.time(1e-300)) -- what is above 0 stays so
    assert.equal(0LL, abi.time(0))
    assert.equal(abi.NEVER, abi.time(math.huge))
    assert.equal(math.huge, abi.seconds(abi.NEVER))
    assert.equal(0.25, abi.seconds(abi.time(0.25)))
  end)
end)

describe('a view', function()
  it('of what is no plan raises', function()
    assert.error_matches(function() abi.view 'short' end, 'no plan')
    local head = ffi.new 'rs_plan'
    ffi.copy(head.magic, 'rsplan01', 8)
    head.abi = 999
    local bytes = ffi.string(head, ffi.sizeof 'rs_plan')
    assert.error_matches(function() abi.view(bytes) end, 'ABI 999')
  end)
end)
