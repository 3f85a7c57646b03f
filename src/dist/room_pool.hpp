#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "dist/shelf.hpp"

namespace barrel::dist {

/// Memory of a fixed size to write into. It is not cleared before.
class Room {
 public:
  Room() = default;
  explicit Room(std::size_t bytes)
      : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(bytes)), capacity_(bytes) {}

  [[nodiscard]] std::uint8_t* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<std::uint8_t> span() const { return {bytes_.get(), capacity_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_ = 0;
};

/// Rooms for what is received, to be used again: see BufferPool for why. Copies are the same pool.
/// Thread-safe; what was lent may outlive the pool, and is freed then.
class RoomPool {
 public:
  explicit RoomPool(std::size_t kept_bytes_max) : shelf_(std::make_shared<Shelf<Room>>(kept_bytes_max)) {}

  /// A room of `bytes` or more. It comes back to the pool with its last share.
  [[nodiscard]] std::shared_ptr<Room> lend(std::size_t bytes) const {
    Room room = shelf_->take(bytes);
    if (room.capacity() < bytes) room = Room(bytes);
    auto lent = std::make_shared<Lent>(std::move(room), shelf_);
    Room* lent_room = &lent->room;
    return {std::move(lent), lent_room};
  }
  [[nodiscard]] std::size_t kept_bytes() const { return shelf_->kept_bytes(); }

 private:
  struct Lent {
    Lent(Room lent_room, std::shared_ptr<Shelf<Room>> from)
        : room(std::move(lent_room)), shelf(std::move(from)) {}
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { shelf->put(std::move(room)); }
    Room room;
    std::shared_ptr<Shelf<Room>> shelf;
  };

  std::shared_ptr<Shelf<Room>> shelf_;
};

}  // namespace barrel::dist
