#include <gmock/gmock.h>

#include <exception>
#include <iostream>

#include "original/settings.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  try {
    barrel::test::read_original_settings(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return RUN_ALL_TESTS();
}
