// Lists the VPCs and load balancers of a region with Tencent Cloud's own SDK for Go. Prints JSON.
//
// It knows of the sandbox only what the environment says, and finds `<service>.<root domain>` with the system's names.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	clb "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/clb/v20180317"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	vpc "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc/v20170312"
)

type seen struct {
	Vpcs          []string `json:"vpcs"`
	LoadBalancers []string `json:"load_balancers"`
}

func list(keys *common.Credential, region string, with *profile.ClientProfile) (*seen, error) {
	networks, err := vpc.NewClient(keys, region, with)
	if err != nil {
		return nil, err
	}
	balancers, err := clb.NewClient(keys, region, with)
	if err != nil {
		return nil, err
	}
	vpcs, err := networks.DescribeVpcs(vpc.NewDescribeVpcsRequest())
	if err != nil {
		return nil, err
	}
	listed, err := balancers.DescribeLoadBalancers(clb.NewDescribeLoadBalancersRequest())
	if err != nil {
		return nil, err
	}
	found := &seen{}
	for _, each := range vpcs.Response.VpcSet {
		found.Vpcs = append(found.Vpcs, *each.VpcName)
	}
	for _, each := range listed.Response.LoadBalancerSet {
		found.LoadBalancers = append(found.LoadBalancers, *each.LoadBalancerName)
	}
	return found, nil
}

func run() error {
	domain := os.Getenv("TENCENTCLOUD_DOMAIN")
	if domain == "" {
		return errors.New("TENCENTCLOUD_DOMAIN is not set: without it the real cloud would be called")
	}
	keys := common.NewCredential(os.Getenv("TENCENTCLOUD_SECRET_ID"), os.Getenv("TENCENTCLOUD_SECRET_KEY"))
	with := profile.NewClientProfile()
	with.HttpProfile.Scheme = os.Getenv("TENCENTCLOUD_PROTOCOL")
	with.HttpProfile.RootDomain = domain
	found, err := list(keys, os.Getenv("TENCENTCLOUD_REGION"), with)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
