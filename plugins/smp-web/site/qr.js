// QR codes of texts (ISO/IEC 18004:2015): bytes, level of error correction M or, where that is too small, L.
"use strict";

// qrCode(text) -> {size, dark(x, y)}. Throws if the text is too long. `level` and `mask` choose what is else found.
function qrCode(text, level, mask) {
  // Of versions 1 to 40: codewords of error correction in a block, and blocks.
  var tables = {
    L: { bits: 1, check: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26,
      28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30], blocks: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6,
      6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25] },
    M: { bits: 0, check: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28,
      28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28], blocks: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10,
      11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49] }
  };

  var data = toBytes(text);
  var table = tables[level || "M"];
  var version = fitting(table);
  if (version === 0 && !level) {
    table = tables.L;
    version = fitting(table);
  }
  if (version === 0) throw new Error("too long for a QR code");
  var size = version * 4 + 17;
  var modules = [], fixed = [];
  for (var i = 0; i < size * size; i++) {
    modules.push(false);
    fixed.push(false);
  }

  drawFixed();
  drawCodewords(withCheck(codewords()));
  if (mask === undefined) mask = bestMask();
  applyMask(mask);
  drawFormat(mask);
  return { size: size, version: version, mask: mask, dark: function (x, y) { return modules[y * size + x]; } };

  function toBytes(from) {
    var out = [], encoded = unescape(encodeURIComponent(from));
    for (var at = 0; at < encoded.length; at++) out.push(encoded.charCodeAt(at));
    return out;
  }

  // Modules that hold codewords, in bits.
  function rawBits(of) {
    var out = (16 * of + 128) * of + 64;
    if (of >= 2) {
      var marks = Math.floor(of / 7) + 2;
      out -= (25 * marks - 10) * marks - 55;
      if (of >= 7) out -= 36;
    }
    return out;
  }
  function dataWords(of, by) { return Math.floor(rawBits(of) / 8) - by.check[of - 1] * by.blocks[of - 1]; }
  function countBits(of) { return of < 10 ? 8 : 16; }
  function fitting(by) {
    for (var of = 1; of <= 40; of++)
      if (4 + countBits(of) + data.length * 8 <= dataWords(of, by) * 8) return of;
    return 0;
  }

  function codewords() {
    var bits = [], out = [];
    function put(value, count) { for (var bit = count - 1; bit >= 0; bit--) bits.push((value >>> bit) & 1); }
    put(4, 4);
    put(data.length, countBits(version));
    data.forEach(function (each) { put(each, 8); });
    var room = dataWords(version, table) * 8;
    put(0, Math.min(4, room - bits.length));
    put(0, (8 - bits.length % 8) % 8);
    for (var pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
    for (var at = 0; at < bits.length; at += 8) {
      var value = 0;
      for (var bit = 0; bit < 8; bit++) value = value << 1 | bits[at + bit];
      out.push(value);
    }
    return out;
  }

  // In the field of 256 elements with the polynomial 0x11d.
  function times(x, y) {
    var out = 0;
    for (var bit = 7; bit >= 0; bit--) {
      out = (out << 1) ^ ((out >>> 7) * 0x11d);
      out ^= ((y >>> bit) & 1) * x;
    }
    return out;
  }
  function generator(degree) {
    var out = [], root = 1;
    for (var at = 0; at < degree; at++) out.push(at === degree - 1 ? 1 : 0);
    for (var step = 0; step < degree; step++) {
      for (var each = 0; each < degree; each++) {
        out[each] = times(out[each], root);
        if (each + 1 < degree) out[each] ^= out[each + 1];
      }
      root = times(root, 2);
    }
    return out;
  }
  function remainder(words, by) {
    var out = by.map(function () { return 0; });
    words.forEach(function (word) {
      var factor = word ^ out.shift();
      out.push(0);
      by.forEach(function (coefficient, at) { out[at] ^= times(coefficient, factor); });
    });
    return out;
  }

  // Blocks with their error correction, a codeword of each in turn.
  function withCheck(words) {
    var blocks = table.blocks[version - 1], check = table.check[version - 1];
    var raw = Math.floor(rawBits(version) / 8);
    var short = blocks - raw % blocks, shortData = Math.floor(raw / blocks) - check;
    var by = generator(check), all = [], out = [];
    for (var block = 0, at = 0; block < blocks; block++) {
      var mine = words.slice(at, at + shortData + (block < short ? 0 : 1));
      at += mine.length;
      all.push({ data: mine, check: remainder(mine, by) });
    }
    for (var place = 0; place <= shortData; place++)
      all.forEach(function (each) { if (place < each.data.length) out.push(each.data[place]); });
    for (var rest = 0; rest < check; rest++) all.forEach(function (each) { out.push(each.check[rest]); });
    return out;
  }

  function set(x, y, dark) {
    modules[y * size + x] = dark;
    fixed[y * size + x] = true;
  }
  function marks() {
    if (version === 1) return [];
    var count = Math.floor(version / 7) + 2;
    var step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
    var out = [6];
    for (var at = size - 7; out.length < count; at -= step) out.splice(1, 0, at);
    return out;
  }
  function drawFixed() {
    for (var at = 0; at < size; at++) {
      set(6, at, at % 2 === 0);
      set(at, 6, at % 2 === 0);
    }
    [[3, 3], [size - 4, 3], [3, size - 4]].forEach(function (centre) {
      for (var dy = -4; dy <= 4; dy++)
        for (var dx = -4; dx <= 4; dx++) {
          var far = Math.max(Math.abs(dx), Math.abs(dy)), x = centre[0] + dx, y = centre[1] + dy;
          if (x >= 0 && x < size && y >= 0 && y < size) set(x, y, far !== 2 && far !== 4);
        }
    });
    var places = marks(), last = places.length - 1;
    places.forEach(function (x, i) {
      places.forEach(function (y, j) {
        if (i === 0 && j === 0 || i === 0 && j === last || i === last && j === 0) return;
        for (var dy = -2; dy <= 2; dy++)
          for (var dx = -2; dx <= 2; dx++) set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
      });
    });
    drawFormat(0);
    if (version < 7) return;
    var rest = version;
    for (var step = 0; step < 12; step++) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    var bits = version << 12 | rest;
    for (var bit = 0; bit < 18; bit++) {
      var a = size - 11 + bit % 3, b = Math.floor(bit / 3), dark = (bits >>> bit & 1) !== 0;
      set(a, b, dark);
      set(b, a, dark);
    }
  }
  function drawFormat(with_mask) {
    var value = table.bits << 3 | with_mask, rest = value;
    for (var step = 0; step < 10; step++) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
    var bits = (value << 10 | rest) ^ 0x5412;
    function dark(bit) { return (bits >>> bit & 1) !== 0; }
    for (var i = 0; i <= 5; i++) set(8, i, dark(i));
    set(8, 7, dark(6));
    set(8, 8, dark(7));
    set(7, 8, dark(8));
    for (var j = 9; j < 15; j++) set(14 - j, 8, dark(j));
    for (var k = 0; k < 8; k++) set(size - 1 - k, 8, dark(k));
    for (var l = 8; l < 15; l++) set(8, size - 15 + l, dark(l));
    set(8, size - 8, true);
  }

  function drawCodewords(words) {
    var bit = 0;
    for (var right = size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (var step = 0; step < size; step++)
        for (var side = 0; side < 2; side++) {
          var x = right - side, up = ((right + 1) & 2) === 0, y = up ? size - 1 - step : step;
          if (fixed[y * size + x] || bit >= words.length * 8) continue;
          modules[y * size + x] = (words[bit >>> 3] >>> (7 - (bit & 7)) & 1) !== 0;
          bit++;
        }
    }
  }

  function applyMask(which) {
    for (var y = 0; y < size; y++)
      for (var x = 0; x < size; x++) {
        var flip = [(x + y) % 2, y % 2, x % 3, (x + y) % 3, (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
          x * y % 2 + x * y % 3, (x * y % 2 + x * y % 3) % 2, ((x + y) % 2 + x * y % 3) % 2][which] === 0;
        if (flip && !fixed[y * size + x]) modules[y * size + x] = !modules[y * size + x];
      }
  }
  function bestMask() {
    var best = 0, least = Infinity;
    for (var which = 0; which < 8; which++) {
      applyMask(which);
      drawFormat(which);
      var points = penalty();
      if (points < least) {
        best = which;
        least = points;
      }
      applyMask(which); // twice is none
    }
    return best;
  }
  function penalty() {
    var points = 0, darks = 0;
    function line(at) {
      var run = 0, row = "";
      for (var i = 0; i < size; i++) {
        row += at(i) ? "1" : "0";
        run = i > 0 && at(i) === at(i - 1) ? run + 1 : 1;
        if (run === 5) points += 3;
        else if (run > 5) points++;
      }
      ["10111010000", "00001011101"].forEach(function (pattern) {
        for (var from = row.indexOf(pattern); from >= 0; from = row.indexOf(pattern, from + 1)) points += 40;
      });
    }
    for (var y = 0; y < size; y++) {
      line(function (i) { return modules[y * size + i]; });
      line(function (i) { return modules[i * size + y]; });
      for (var x = 0; x < size; x++) {
        var dark = modules[y * size + x];
        if (dark) darks++;
        if (x > 0 && y > 0 && dark === modules[y * size + x - 1] && dark === modules[(y - 1) * size + x] &&
            dark === modules[(y - 1) * size + x - 1]) points += 3;
      }
    }
    return points + Math.floor(Math.abs(darks * 20 - size * size * 10) / (size * size)) * 10;
  }
}
