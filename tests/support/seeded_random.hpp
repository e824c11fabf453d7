// Random bytes for tests: the same seed gives the same bytes. Never for keys that matter.
#pragma once

#include "plexus/crypto/random.hpp"

#include <deque>

namespace plexus::test {

class seeded_random final : public crypto::random_source {
  public:
    explicit seeded_random(std::uint64_t seed = 1) noexcept : state_(seed) {}

    void fill(bytes_span out) override {
        for (std::size_t at = 0; at < out.size(); at += 8) {
            auto word = next();
            for (auto& byte : out.subspan(at, std::min<std::size_t>(8, out.size() - at))) {
                byte = static_cast<std::uint8_t>(word);
                word >>= 8;
            }
        }
    }
    /// splitmix64
    std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        auto z = state_;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

  private:
    std::uint64_t state_;
};

/// Gives out prepared bytes, in order; asking for more than was prepared throws.
class scripted_random final : public crypto::random_source {
  public:
    void push(bytes_view data) { data_.insert(data_.end(), data.begin(), data.end()); }
    std::size_t left() const noexcept { return data_.size(); }

    void fill(bytes_span out) override {
        for (auto& byte : out) {
            byte = data_.at(0);
            data_.pop_front();
        }
    }

  private:
    std::deque<std::uint8_t> data_;
};

} // namespace plexus::test
