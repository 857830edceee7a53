//! A parser for fn things.
const std = @import("std");

pub const Error = error{ Missing, Bad };
var counter: usize = 0;

/// const Fake = struct {};
pub const Parser = struct {
    text: []const u8,
    index: usize = 0,

    pub const Mode = enum(u8) { fast, slow };
    const Self = @This();

    pub fn init(text: []const u8) Self {
        const local = '{';
        const raw =
            \\fn raw() void {
        ;
        return .{ .text = text };
    }

    fn next(self: *Self) ?u8 {
        while (self.index < self.text.len) : (self.index += 1) {}
        return null;
    }
};

pub fn List(comptime T: type) type {
    return struct {
        items: []T,

        pub fn push(self: *@This(), x: T) !void {
            _ = self;
        }
    };
}

export fn add(a: i32, b: i32) callconv(.C) i32 {
    return a + b;
}

test "parser works" {
    try std.testing.expect(true);
}

test {
    _ = Parser;
}

const std2 = @import("std");
pub const @"inline" = 0x20;
pub const SA = if (is_mips) struct {
    pub const NOCLDSTOP = 1;
} else struct {
    pub const NOCLDWAIT = 2;
};
