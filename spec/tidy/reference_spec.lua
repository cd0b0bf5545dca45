-- docs/std.md says what the sources say.

local assert = require 'luassert'
local files = require 'tidy.files'
local reference = require 'tidy.reference'

describe('docs/std.md', function()
  it('is made from the sources: luajit spec/tidy/reference.lua >docs/std.md', function()
    local paths = files.named '^stdlib/std/[%w_]+%.lua$'
    table.sort(paths)
    assert.equal(files.read 'docs/std.md', reference.text(paths))
  end)
end)
