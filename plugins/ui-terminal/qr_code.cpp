#include "qr_code.hpp"

#include <qrencode.h>

#include <memory>

namespace plexus::ui_terminal {

std::string qr_code(std::string_view text) {
    const std::string zero_ended(text);
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
        QRcode_encodeString8bit(zero_ended.c_str(), 0, QR_ECLEVEL_L), &QRcode_free);
    if (!code) return {};
    constexpr int quiet = 2; // modules of margin
    const int width = code->width;
    const auto light = [&](int row, int column) {
        if (row < 0 || column < 0 || row >= width || column >= width) return row < width + quiet;
        return (code->data[row * width + column] & 1) == 0;
    };
    std::string out;
    for (int row = -quiet; row < width + quiet; row += 2) {
        for (int column = -quiet; column < width + quiet; ++column) {
            const bool upper = light(row, column);
            const bool lower = light(row + 1, column);
            out += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
        }
        out += '\n';
    }
    return out;
}

} // namespace plexus::ui_terminal
