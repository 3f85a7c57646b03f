#include <stdexcept>

#include "hostile/attack.hpp"

namespace barrel::hostile {

Attacker& Scene::make(AttackerOptions options, std::string_view target) {
  last_.reset();
  last_ = std::make_unique<Attacker>(arena_.target(target), std::move(options));
  return *last_;
}

Attacker& Scene::attacker() {
  if (last_ == nullptr) make();
  if (last_->connection() == nullptr && !last_->come_up())
    throw std::runtime_error("the attacker is not let in");
  return *last_;
}

Pid Scene::room() {
  const auto found = attacker().look_up(Term::tuple_of(Atom("chat_room"), Atom("cellar")));
  if (!found || !found->is_tagged("found", 3)) throw std::runtime_error("the room is not found");
  return *found->elements()[2].as_pid();
}

}  // namespace barrel::hostile
