import "gone";
