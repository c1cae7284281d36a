module sanmen.dev/use-tencentcloud

go 1.26

require (
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/clb v1.0.1107
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.7
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc v1.1.14
)
